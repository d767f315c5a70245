/** Where the gateway listens: the same for every command. */
import { Option } from 'commander';

export const defaultSocket = '/run/postern/postern.sock';

/** `--socket PATH`, else POSTERN_SOCKET, else the usual place. */
export function socketOption(): Option {
  return new Option('--socket <path>', 'the gateway’s socket').env('POSTERN_SOCKET').default(defaultSocket);
}
