/** The program of every part: the name of its bundle says which one it is. */
import { basename } from 'node:path';
import { runService } from '../../../mesh/service.ts';
import { parts } from './parts.ts';

const name = basename(process.argv[1] ?? '', '.mjs');
if (name === 'gateway') await runService(parts.gateway);
else if (name === 'allocator') await runService(parts.allocator);
else if (name === 'verity') await runService(parts.verity);
else if (name === 'mounter') await runService(parts.mounter);
else if (name === 'lsm') await runService(parts.lsm);
else if (name === 'network') await runService(parts.network);
else if (name === 'polkit') await runService(parts.polkit);
else throw new Error(`no part is called ${name}`);
