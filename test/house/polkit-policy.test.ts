/** packaging/polkit-1 declares exactly the actions that Postern asks about, and what is everybody's with it is everybody's without polkit. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { actionNames, actions } from '../../mesh/authority.ts';

const file = resolve(dirname(fileURLToPath(import.meta.url)), '../../packaging/polkit-1/actions/postern.policy');
const declared = [...readFileSync(file, 'utf8').matchAll(/<action id="([^"]+)">([\s\S]*?)<\/action>/g)].map(([, id = '', body = '']) => ({
  id,
  allows: ['any', 'inactive', 'active'].map((who) => new RegExp(`<allow_${who}>(\\w+)<`).exec(body)?.[1]),
}));

it('declares them all, and no other', () => {
  expect(declared.map(({ id }) => id).toSorted()).toEqual(actionNames.toSorted());
});

it('says yes to everybody where nobody is asked without polkit, and only there', () => {
  const open = declared.filter(({ allows }) => allows.every((answer) => answer === 'yes')).map(({ id }) => id);
  expect(open.toSorted()).toEqual(actionNames.filter((name) => actions[name].whenAbsent === 'allow').toSorted());
});
