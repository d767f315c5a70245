/** io.systemd.NamespaceResource.AllocateUserRange: gateway → allocator (→ lsm → allocator) → gateway. */
import { PosternError } from '../../../mesh/errors.ts';
import type { ParametersOf } from '../../../varlink/method/registry.ts';
import { authorise } from '../authorise.ts';
import { checkUserNamespace } from '../descriptors.ts';
import { aboutAllocation } from '../questions.ts';
import { type Served, serve } from './method.ts';
import { checkedName } from './namespace-name.ts';

const name = 'io.systemd.NamespaceResource.AllocateUserRange';
type Parameters = ParametersOf<typeof name>;

/** What one namespace may have, as systemd's daemon has it. */
const maxDelegations = 16;
/** 2^32-1 means "no id" to the kernel. */
const lastId = 0xffff_fffe;

export const allocateUserRange: Served = serve(name, 'request', (parameters, request) => {
  const { peer, cookie } = request.client;
  const type = parameters.type ?? 'managed';
  const asked = checkedName(parameters.name);
  const size = checkedSize(parameters.size, type);
  const target = checkedTarget(parameters.target ?? null, size, type);
  const delegateContainerRanges = checkedDelegations(parameters.delegateContainerRanges ?? 0);

  const namespace = { index: parameters.userNamespaceFileDescriptor, parameter: 'userNamespaceFileDescriptor' };
  checkUserNamespace(request.bag, namespace);
  authorise({ method: name, peer });
  request.permit({
    question: aboutAllocation(asked),
    proceed: () =>
      request.pass(
        'allocator',
        'range.allocate',
        {
          request: request.id,
          deadline: request.deadline,
          peer,
          name: asked,
          mangleName: parameters.mangleName ?? false,
          cookie,
          type,
          size,
          target,
          delegateContainerRanges,
          mapForeign: parameters.mapForeign ?? false,
        },
        request.bag.take([namespace]),
      ),
  });
  return { 'range.allocated': ({ name: known }) => request.answer(name, { name: known }) };
});

function checkedSize(size: number, type: NonNullable<Parameters['type']>): 1 | 65536 {
  if (size === 1 || (size === 65536 && type === 'managed')) return size;
  throw new PosternError('INVALID_PARAMETER', type === 'self' ? 'of type self there is 1' : 'there are 1 and 65536', 'size');
}

/** Of type `self`, the caller is root inside, or, by default, who it is outside. */
function checkedTarget(given: number | null, size: number, type: NonNullable<Parameters['type']>): number | null {
  if (type === 'self' && given === null) return null;
  const target = given ?? 0;
  if (type === 'self' && target !== 0) throw new PosternError('INVALID_PARAMETER', 'of type self it is 0 or left out', 'target');
  if (target < 0 || target + size - 1 > lastId) throw new PosternError('INVALID_PARAMETER', 'there are no such IDs', 'target');
  return target;
}

function checkedDelegations(count: number): number {
  if (count < 0) throw new PosternError('INVALID_PARAMETER', 'it is negative', 'delegateContainerRanges');
  if (count > maxDelegations) throw new PosternError('TOO_MANY_DELEGATIONS');
  return count;
}
