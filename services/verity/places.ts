/** What a partition's role means for its mount: where it belongs in a tree, and what nobody needs of it there. */
import type { MountedDesignator } from '../../image/partition-types.ts';
import type { FileSystem } from '../../image/superblock.ts';

export interface Place {
  /** the usual one first */
  readonly mountPoints: readonly string[];
  readonly noSuid?: true;
  readonly noExec?: true;
  readonly noSymlinks?: true;
}

/** Boot loaders and kernels: what firmware reads is no place for programs of ours. */
const boot = { noSuid: true, noExec: true, noSymlinks: true } as const;

/** As systemd mounts them. */
const places: Readonly<Record<MountedDesignator, Place>> = {
  root: { mountPoints: ['/'] },
  usr: { mountPoints: ['/usr'] },
  home: { mountPoints: ['/home'] },
  srv: { mountPoints: ['/srv'] },
  esp: { mountPoints: ['/efi', '/boot'], ...boot },
  xbootldr: { mountPoints: ['/boot'], ...boot },
  tmp: { mountPoints: ['/var/tmp'], noSuid: true },
  var: { mountPoints: ['/var'] },
};

export function placeOf(designator: MountedDesignator): Place {
  return places[designator];
}

/** FAT knows no modes: of what firmware reads, everything is its owner's alone. What is deleted gives the image's file room back. */
export function optionsFor(designator: MountedDesignator, fileSystem: FileSystem, writable: boolean): string[] {
  const isBoot = designator === 'esp' || designator === 'xbootldr';
  return [...(isBoot && fileSystem === 'vfat' ? ['fmask=0177', 'dmask=0077'] : []), ...(writable ? ['discard'] : [])];
}
