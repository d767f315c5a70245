/** The two that are compared, each as its packages start it. One of them runs at a time. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where clients of systemd's daemons look. */
export const namespaces = '/run/systemd/io.systemd.NamespaceResource';
export const mounts = '/run/systemd/io.systemd.MountFileSystem';

export interface Server {
  readonly name: 'originals' | 'Postern';
  /** its units' control groups */
  readonly groups: readonly string[];
  start(): void;
  stop(): void;
}

function systemctl(...args: string[]): void {
  execFileSync('systemctl', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
const unitFolder = '/run/systemd/system';

/** Under emulation everything takes its time: a service that is slow to start or to answer is not to be given up. */
const patience = ['TimeoutStartSec=600', 'TimeoutStopSec=60', 'WatchdogSec=0'];

function dropIn(unit: string, settings: readonly string[]): void {
  const folder = join(unitFolder, `${unit}.d`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'lab.conf'), `[Service]\n${settings.join('\n')}\n`);
}

/**
 * systemd's own daemons.
 * @param environment of systemd-mountfsd, as `NAME=VALUE`
 */
export function originals(environment: readonly string[] = []): Server {
  const services = ['systemd-nsresourced.service', 'systemd-mountfsd.service'];
  const sockets = ['systemd-nsresourced.socket', 'systemd-mountfsd.socket'];
  dropIn('systemd-nsresourced.service', patience);
  dropIn('systemd-mountfsd.service', [...patience, ...environment.map((setting) => `Environment=${setting}`)]);
  systemctl('daemon-reload');
  return {
    name: 'originals',
    groups: services.map((unit) => `system.slice/${unit}`),
    start() {
      systemctl('unmask', '--runtime', ...sockets, ...services);
      systemctl('start', ...sockets, ...services);
    },
    // masked, or the next client would start them again
    stop: () => systemctl('mask', '--runtime', '--now', ...sockets, ...services),
  };
}

/**
 * Postern, installed where its unit looks for it.
 * @param project the built checkout
 * @param settings all of its postern.toml
 */
export function postern(project: string, settings: string): Server {
  const home = '/usr/lib/postern';
  execFileSync(process.execPath, [join(project, 'tools/install.mjs'), home], { stdio: ['ignore', 'ignore', 'inherit'] });
  mkdirSync('/etc/postern', { recursive: true });
  writeFileSync('/etc/postern/postern.toml', settings);
  if (!existsSync('/usr/bin/node')) symlinkSync(process.execPath, '/usr/bin/node');
  for (const unit of ['postern.service', 'postern.socket', 'postern.service.d']) {
    cpSync(join(project, 'packaging', unit), join(unitFolder, unit), { recursive: true });
  }
  dropIn('postern.service', patience);
  systemctl('daemon-reload');
  return {
    name: 'Postern',
    groups: ['system.slice/postern.service'],
    start: () => systemctl('start', 'postern.service'),
    stop: () => systemctl('stop', 'postern.service', 'postern.socket'),
  };
}

/** As packages number it, `262.1-1` */
export function systemdVersion(): string {
  return execFileSync('systemctl', ['--version'], { encoding: 'utf8' }).match(/\((.+?)\)/)?.[1] ?? 'of an unknown version';
}
