/** io.postern.Images.Prepare: gateway → verity → gateway, with progress on the way. */
import { authorise } from '../authorise.ts';
import { checkImage } from '../descriptors.ts';
import { defaultOptions, policyOption } from './image-options.ts';
import { type Served, serve } from './method.ts';

const name = 'io.postern.Images.Prepare';

export const prepare: Served = serve(name, 'image', (parameters, request) => {
  const { bag, client, id, deadline } = request;
  const image = { index: parameters.imageFileDescriptor, parameter: 'imageFileDescriptor' };
  checkImage(bag, image);
  const options = { ...defaultOptions, readOnly: true, imagePolicy: policyOption(parameters.imagePolicy ?? null) };
  authorise({ method: name, peer: client.peer });
  request.authorised();
  request.pass('verity', 'image.prepare', { request: id, deadline, peer: client.peer, options }, bag.take([image]));
  return {
    'request.progress': ({ phase, done, total }) => request.progress({ phase, done, total }),
    'image.prepared': ({ rootHash, signer, cached }) => request.answer(name, { rootHash, signer, cached }),
  };
});
