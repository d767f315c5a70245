/** Directories that are not their caller's: polkit may let somebody have them all the same. */
import type { Action } from '../../mesh/authority.ts';
import { Consultation } from '../../mesh/consultation.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Payload } from '../../mesh/protocol.ts';

export class Authority {
  readonly #consultation: Consultation;

  constructor(mesh: Mesh<'allocator'>) {
    this.#consultation = new Consultation({
      send: (question, descriptors) => mesh.send('polkit', 'authority.ask', question, descriptors),
      onPeerDown: (listener) => mesh.onPeerDown(listener),
    });
  }

  /** Whether a caller may have a mount of somebody else's directory. Asks nobody where polkit was not asked before. */
  mayMount(call: Payload<'directory.mount'>, directory: Descriptor, process: Descriptor): Promise<boolean> {
    const action = `io.systemd.mount-file-system.mount-untrusted-directory${call.hasNamespace ? '-privately' : ''}` as const;
    return this.#ask(call, action, { read_only: call.readOnly ? '1' : '0' }, { child: null }, directory, process);
  }

  /** The same of a new directory in somebody else's. */
  mayMake(call: Payload<'directory.make'>, parent: Descriptor, process: Descriptor | undefined): Promise<boolean> {
    return this.#ask(call, 'io.systemd.mount-file-system.make-directory-untrusted', {}, { child: call.name }, parent, process);
  }

  told(answer: Payload<'authority.told'>): void {
    this.#consultation.told(answer);
  }

  async #ask(
    { request, deadline, peer, consult }: Payload<'directory.mount' | 'directory.make'>,
    action: Action,
    details: Record<string, string>,
    which: Payload<'authority.ask'>['directory'],
    directory: Descriptor,
    process: Descriptor | undefined,
  ): Promise<boolean> {
    if (consult === null || process === undefined) return false;
    const { interactive } = consult;
    return this.#consultation.ask({ request, deadline, peer, action, details, interactive, directory: which }, process, directory);
  }
}
