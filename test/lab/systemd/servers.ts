/** The two that are compared, each as its packages start it. One of them runs at a time. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Server {
  readonly name: 'originals' | 'Postern';
  start(): void;
  stop(): void;
}

const units = '/etc/systemd/system';
const sockets = ['systemd-nsresourced.socket', 'systemd-mountfsd.socket'];
const services = ['systemd-nsresourced.service', 'systemd-mountfsd.service'];
const systemctl = (...args: string[]) => execFileSync('systemctl', args, { stdio: ['ignore', 'ignore', 'inherit'] });

export const originals: Server = {
  name: 'originals',
  start: () => void systemctl('start', ...sockets),
  stop: () => void systemctl('mask', '--now', ...sockets, ...services),
};

/** @param project the built checkout, which is installed where its unit looks for it */
export function postern(project: string): Server {
  const home = '/usr/lib/postern';
  return {
    name: 'Postern',
    start() {
      for (const part of ['bin/postern', 'dist']) cpSync(join(project, part), join(home, part), { recursive: true });
      if (!existsSync('/usr/bin/node')) symlinkSync(process.execPath, '/usr/bin/node');
      mkdirSync('/etc/postern', { recursive: true });
      cpSync(join(project, 'packaging/postern.toml'), '/etc/postern/postern.toml');
      for (const unit of ['postern.service', 'postern.socket', 'postern.service.d']) {
        cpSync(join(project, 'packaging', unit), join(units, unit), { recursive: true });
      }
      // under emulation everything takes its time
      writeFileSync(join(units, 'postern.service.d/lab.conf'), '[Service]\nTimeoutStartSec=600\n');
      systemctl('daemon-reload');
      systemctl('start', 'postern.service');
    },
    stop: () => void systemctl('stop', 'postern.service', 'postern.socket'),
  };
}
