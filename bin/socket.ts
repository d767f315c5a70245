/** Where the gateway listens: the same for every command. */
import { Option } from 'commander';
import { defaultSocket } from '../client/default-socket.ts';

export { defaultSocket };

/** `--socket PATH`, else POSTERN_SOCKET, else the usual place. */
export function socketOption(): Option {
  return new Option('--socket <path>', 'the gateway’s socket').env('POSTERN_SOCKET').default(defaultSocket);
}
