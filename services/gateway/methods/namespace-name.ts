/** What a client wants its namespace to be called. Pure. */
import { PosternError } from '../../../mesh/errors.ts';

/** NAME_MAX: no name that is to be in a file name may be longer, mangled or not. */
const maxName = 255;

/** What more there is to a name, the allocator looks at. @throws NAME_INVALID */
export function checkedName(name: string): string {
  if (name === '' || name.length > maxName) throw new PosternError('NAME_INVALID');
  return name;
}
