/** org.varlink.service: what is served here, told by the interface files themselves. */
import { Refusal, varlinkError } from '../errors.ts';
import { type Served, serve } from './method.ts';

const getInfoName = 'org.varlink.service.GetInfo';
const getDescriptionName = 'org.varlink.service.GetInterfaceDescription';

/** @param interfaces the names of all that is served, sorted */
export function getInfo(version: string, interfaces: readonly string[]): Served {
  return serve(getInfoName, 'request', (_parameters, request) => {
    request.authorised();
    request.answer(getInfoName, {
      vendor: 'Postern',
      product: 'Postern',
      version,
      url: 'file:///usr/share/doc/postern/README.md',
      interfaces,
    });
    return {};
  });
}

/** @param descriptions the text of every interface, by its name */
export function getInterfaceDescription(descriptions: ReadonlyMap<string, string>): Served {
  return serve(getDescriptionName, 'request', (parameters, request) => {
    request.authorised();
    const description = descriptions.get(parameters.interface);
    if (description === undefined)
      throw new Refusal(varlinkError('org.varlink.service.InterfaceNotFound', { interface: parameters.interface }));
    request.answer(getDescriptionName, { description });
    return {};
  });
}
