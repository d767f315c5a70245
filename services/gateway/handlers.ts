/** What the gateway's siblings may tell it: one line each, since every answer is about a request that is known here or no longer. */
import type { Handlers } from '../../mesh/mesh.ts';
import type { Census } from '../../mesh/protocol.ts';
import type { Requests } from './requests.ts';
import type { Server } from './server.ts';

/** What the parent knows of all processes, as it last told. */
export interface CensusBook {
  latest: Census;
}

export function gatewayHandlers(server: Server, requests: Requests, book: CensusBook): Handlers<'gateway'> {
  return {
    'mesh.listen'(_payload, [listener]) {
      if (listener !== undefined) server.listen(listener);
    },
    'mesh.census'({ services }) {
      book.latest = services;
    },
    'request.handoff'(payload, _descriptors, from) {
      requests.moved(payload, from);
    },
    'request.failed'(payload) {
      requests.failed(payload);
    },
    'authority.told'(payload) {
      requests.told(payload);
    },
    'request.progress'(payload, descriptors, from) {
      requests.deliver('request.progress', payload, descriptors, from);
    },
    'range.allocated'(payload, descriptors, from) {
      requests.deliver('range.allocated', payload, descriptors, from);
    },
    'control-group.added'(payload, descriptors, from) {
      requests.deliver('control-group.added', payload, descriptors, from);
    },
    'mount.added'(payload, descriptors, from) {
      requests.deliver('mount.added', payload, descriptors, from);
    },
    'record.found'(payload, descriptors, from) {
      requests.deliver('record.found', payload, descriptors, from);
    },
    'interface.made'(payload, descriptors, from) {
      requests.deliver('interface.made', payload, descriptors, from);
    },
    'image.mounted'(payload, descriptors, from) {
      requests.deliver('image.mounted', payload, descriptors, from);
    },
    'directory.mounted'(payload, descriptors, from) {
      requests.deliver('directory.mounted', payload, descriptors, from);
    },
    'directory.made'(payload, descriptors, from) {
      requests.deliver('directory.made', payload, descriptors, from);
    },
    'image.prepared'(payload, descriptors, from) {
      requests.deliver('image.prepared', payload, descriptors, from);
    },
    'status.tell'(payload, descriptors, from) {
      requests.deliver('status.tell', payload, descriptors, from);
    },
  };
}
