/** What this service answers: may this image be mounted, and from what? */
import { toHex } from '../../image/bytes.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { ImageOptions } from '../../mesh/protocol.ts';
import { type Authority, isOfTrust, type UntrustedCall } from './authority.ts';
import type { Examined, Examiner } from './examine.ts';
import type { OnProgress } from './flights.ts';
import type { Life, Lives } from './lives.ts';
import { parseMountOptions } from './mount-options.ts';
import { makePlan } from './plan.ts';
import type { VerityDevices } from './routes/device.ts';
import { closeAdmissions } from './routes/route.ts';
import { Source } from './source.ts';

/** What the protocol has room for. */
const maxSignerLength = 255;

export interface VerityParts {
  readonly mesh: Mesh<'verity'>;
  readonly examiner: Examiner;
  readonly lives: Lives;
  readonly devices: VerityDevices;
  readonly authority: Authority;
}

export function verityHandlers({ mesh, examiner, lives, devices, authority }: VerityParts): Handlers<'verity'> {
  const progressOf =
    (request: number): OnProgress =>
    (progress) =>
      mesh.send('gateway', 'request.progress', { request, ...progress });

  /** Examines an image whose descriptors are borrowed. */
  const examine = (life: Life, uid: number, options: ImageOptions, image: Descriptor, sidecar?: Descriptor): Promise<Examined> => {
    const source = Source.of(image);
    return examiner.examine({ options, source, sidecar: sidecar && Source.of(sidecar), uid }, life);
  };

  /** What no route admits for want of trust, polkit may let the caller have. @throws the refusal, or why polkit could not be asked */
  const vouch = async (refusal: unknown, call: UntrustedCall, process: Descriptor | undefined): Promise<Examined> => {
    if (isOfTrust(refusal) && (await authority.askUntrusted(call, process))) {
      mesh.log.debug(
        { request: call.request },
        'allowed by polkit, and refused: there is no route yet that makes such an image safe to mount',
      );
    }
    throw refusal;
  };

  return {
    async 'image.verify'(call, descriptors) {
      const { request, deadline, peer, options, holder, hasSidecar, consult } = call;
      const [image, ...rest] = descriptors;
      const namespace = holder === null ? undefined : rest.shift();
      const sidecar = hasSidecar ? rest.shift() : undefined;
      const process = consult === null ? undefined : rest.shift();
      if (image === undefined) throw new PosternError('INTERNAL');
      using _image = image;
      using _sidecar = sidecar;
      using _process = process;
      await lives.run(request, progressOf(request), async (life) => {
        parseMountOptions(options.mountOptions);
        const examined = await examine(life, peer.uid, options, image, sidecar).catch((refusal) => vouch(refusal, call, process));
        const { plan, sources } = makePlan(examined, options, holder, peer);
        const passed = namespace === undefined ? sources : [namespace, ...sources];
        mesh.pass('mounter', 'image.attach', { request, deadline, holder, plan, sources: sources.length }, passed);
      });
    },

    async 'image.prepare'({ request, peer, options }, [image]) {
      if (image === undefined) throw new PosternError('INTERNAL');
      using _image = image;
      await lives.run(request, progressOf(request), async (life) => {
        const { admitted } = await examine(life, peer.uid, options, image);
        closeAdmissions(admitted.map(({ admission }) => admission));
        const [first] = admitted;
        mesh.send('gateway', 'image.prepared', {
          request,
          rootHash: toHex(first?.fileSystem.document?.rootHash ?? new Uint8Array()),
          signer: first?.admission.signer?.subject.slice(0, maxSignerLength) ?? null,
          cached: admitted.every(({ admission }) => admission.cached),
        });
      });
    },

    'devices.state'({ verityMissing }) {
      devices.told(verityMissing);
    },

    'authority.told'(answer) {
      authority.told(answer);
    },

    'request.cancel'({ request }) {
      lives.cancel(request);
    },
  };
}
