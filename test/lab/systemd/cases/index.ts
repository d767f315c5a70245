/** All cases, in the order of the table. */
import type { Case } from '../case.ts';
import { database } from './database.ts';
import { directories } from './directories.ts';
import { images } from './images.ts';
import { introspection } from './introspection.ts';
import { names } from './names.ts';
import { programs } from './programs.ts';
import { ranges } from './ranges.ts';
import { resources } from './resources.ts';
import { stockCalls } from './stock-calls.ts';

export const cases: readonly Case[] = [
  ...introspection,
  ...ranges,
  ...stockCalls,
  ...resources,
  ...database,
  ...directories,
  ...images,
  ...names,
  ...programs,
];
