/** The two that are compared, each as its packages start it. One of them runs at a time. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const namespaces = '/run/systemd/io.systemd.NamespaceResource';
export const mounts = '/run/systemd/io.systemd.MountFileSystem';

export interface Server {
  readonly name: string;
  /** its units' control groups */
  readonly groups: readonly string[];
  start(): void;
  stop(): void;
}

const systemctl = (...args: string[]) => execFileSync('systemctl', args, { stdio: ['ignore', 'ignore', 'inherit'] });
const unitFolder = '/run/systemd/system';

/** Under emulation everything takes its time. */
const emulated = '[Service]\nTimeoutStartSec=600\nTimeoutStopSec=60\nWatchdogSec=0\n';

function dropIn(unit: string, text: string): void {
  const folder = join(unitFolder, `${unit}.d`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'bench.conf'), text);
}

/** systemd's own daemons, with trusted directories switched on: Debian builds them without. */
export function originals(): Server {
  const services = ['systemd-nsresourced.service', 'systemd-mountfsd.service'];
  const sockets = ['systemd-nsresourced.socket', 'systemd-mountfsd.socket'];
  dropIn('systemd-nsresourced.service', emulated);
  dropIn('systemd-mountfsd.service', `${emulated}Environment=SYSTEMD_MOUNTFSD_TRUSTED_DIRECTORIES=1\n`);
  systemctl('daemon-reload');
  return {
    name: 'originals',
    groups: services.map((unit) => `system.slice/${unit}`),
    start: () => systemctl('start', ...sockets, ...services),
    stop: () => systemctl('stop', ...sockets, ...services),
  };
}

/**
 * Postern, from its unit and with the settings of a fresh installation.
 * @param project the built checkout
 * @param settings lines for postern.toml
 */
export function postern(project: string, settings: string): Server {
  const home = '/usr/lib/postern';
  for (const part of ['bin/postern', 'dist']) cpSync(join(project, part), join(home, part), { recursive: true });
  mkdirSync('/etc/postern', { recursive: true });
  writeFileSync('/etc/postern/postern.toml', settings);
  if (!existsSync('/usr/bin/node')) symlinkSync(process.execPath, '/usr/bin/node');
  cpSync(join(project, 'packaging/postern.service'), join(unitFolder, 'postern.service'));
  cpSync(join(project, 'packaging/postern.service.d'), join(unitFolder, 'postern.service.d'), { recursive: true });
  dropIn('postern.service', emulated);
  systemctl('daemon-reload');
  return {
    name: 'Postern',
    groups: ['system.slice/postern.service'],
    start: () => systemctl('start', 'postern.service'),
    stop: () => systemctl('stop', 'postern.service'),
  };
}

/** As packages number it, `262.1-1` */
export function systemdVersion(): string {
  return execFileSync('systemctl', ['--version'], { encoding: 'utf8' }).match(/\((.+?)\)/)?.[1] ?? 'of an unknown version';
}
