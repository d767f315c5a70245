/** What a method is to the gateway: a name that an interface declares, a deadline, and what to do. */
import { PosternError } from '../../../mesh/errors.ts';
import { type MethodName, type ParametersOf, parametersShape } from '../../../varlink/method/registry.ts';
import type { GatewayConfig } from '../config.ts';
import type { Expectations, Request } from '../request.ts';

export interface Served {
  /** the full name of a method that an interface declares */
  readonly name: string;
  readonly deadline: keyof GatewayConfig['deadlines'];
  /** @throws PosternError INVALID_PARAMETER where the parameters are not what the interface declares, and whatever else the method refuses */
  readonly begin: (parameters: Record<string, unknown>, request: Request) => Expectations;
}

/**
 * Ties a method to its declaration: what it gets has been checked, and has the generated type.
 * @param begin the method's own part. It says when the caller is authorised, passes the request on or answers it, and returns what it waits for.
 */
export function serve<N extends MethodName>(
  name: N,
  deadline: Served['deadline'],
  begin: (parameters: ParametersOf<N>, request: Request) => Expectations,
): Served {
  const shape = parametersShape(name);
  return {
    name,
    deadline,
    begin(parameters, request) {
      if (shape.fits(parameters)) return begin(parameters, request);
      throw new PosternError('INVALID_PARAMETER', 'its type or value is not what the interface declares', shape.fault(parameters) ?? '');
    },
  };
}
