/** org.varlink.service: what is served here, told by the interface files themselves. */
import { describeInterface, interfaceNames } from '../../../varlink/method/registry.ts';
import { Refusal, varlinkError } from '../errors.ts';
import { type Served, serve } from './method.ts';

const getInfoName = 'org.varlink.service.GetInfo';
const getDescriptionName = 'org.varlink.service.GetInterfaceDescription';

export function getInfo(version: string): Served {
  return serve(getInfoName, 'request', (_parameters, request) => {
    request.authorised();
    request.answer(getInfoName, {
      vendor: 'Postern',
      product: 'Postern',
      version,
      url: 'file:///usr/share/doc/postern/README.md',
      interfaces: interfaceNames,
    });
    return {};
  });
}

export const getInterfaceDescription: Served = serve(getDescriptionName, 'request', (parameters, request) => {
  request.authorised();
  const description = describeInterface(parameters.interface);
  if (description === undefined)
    throw new Refusal(varlinkError('org.varlink.service.InterfaceNotFound', { interface: parameters.interface }));
  request.answer(getDescriptionName, { description });
  return {};
});
