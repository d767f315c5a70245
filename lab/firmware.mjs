/**
 * Firmware with a signer of the lab's own in its `db`: the kernel takes such keys into its platform keyring, and dm-verity believes
 * them (from 6.12 on). The variables are written offline; Secure Boot stays off.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptFor, cache, run, unpackPackages } from './packages.mjs';

const code = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const emptyVariables = '/usr/share/OVMF/OVMF_VARS_4M.fd';
/** The owner of the entry; any will do. */
const owner = '8f4f2a0c-5f2b-4f0e-9d52-6a1f0c1b7a11';

/** virt-fw-vars and what it imports that is pure Python; the rest is installed. */
const packages = ['python3-virt-firmware', 'python3-pefile', 'python3-importlib-resources'];

function fetchTool() {
  const folder = join(cache, 'tools', 'virt-firmware');
  if (!existsSync(folder)) {
    const work = `${folder}.new`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    unpackPackages(packages, aptFor('trixie'), work);
    renameSync(work, folder);
  }
  return folder;
}

/**
 * Makes a signer, `NAME.key` and `NAME.crt`, and firmware variables that trust it.
 * @param {string} folder where all of it is put, world-readable but for the variables
 * @param {string} name of the signer
 * @returns {{ code: string, variables: string }} as `runUnder` takes it
 */
export function makeFirmware(folder, name) {
  const tool = fetchTool();
  const key = join(folder, `${name}.key`);
  const certificate = join(folder, `${name}.crt`);
  const variables = join(folder, `${name}.fd`);
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=${name}`];
  run('openssl', [...request, '-keyout', key, '-out', certificate]);
  run('python3', [join(tool, 'usr/bin/virt-fw-vars'), '--input', emptyVariables, '--output', variables, '--add-db', owner, certificate], {
    env: { ...process.env, PYTHONPATH: join(tool, 'usr/lib/python3/dist-packages') },
  });
  return { code, variables };
}
