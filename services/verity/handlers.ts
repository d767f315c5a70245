/** What this service answers: may this image be mounted, and from what? */
import { toHex } from '../../image/bytes.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { ImageOptions, Peer } from '../../mesh/protocol.ts';
import type { Examined, Examiner } from './examine.ts';
import type { OnProgress } from './flights.ts';
import type { Life, Lives } from './lives.ts';
import { parseMountOptions } from './mount-options.ts';
import { makePlan } from './plan.ts';
import type { VerityDevices } from './routes/device.ts';
import { closeAdmissions } from './routes/route.ts';
import { Source } from './source.ts';
import { type Standing, standingOf } from './standing.ts';
import { type AskUntrusted, isOfTrust, type UntrustedCall } from './vouching.ts';

/** What the protocol has room for. */
const maxSignerLength = 255;

interface Asked {
  readonly image: Descriptor;
  readonly sidecar: Descriptor | undefined;
  readonly peer: Peer;
  readonly options: ImageOptions;
  readonly standing: Standing;
}

export interface VerityParts {
  readonly mesh: Mesh<'verity'>;
  readonly examiner: Examiner;
  readonly lives: Lives;
  readonly devices: VerityDevices;
  readonly askUntrusted: AskUntrusted;
}

export function verityHandlers({ mesh, examiner, lives, devices, askUntrusted }: VerityParts): Handlers<'verity'> {
  const progressOf =
    (request: number): OnProgress =>
    (progress) =>
      mesh.send('gateway', 'request.progress', { request, ...progress });

  /** Examines an image whose descriptors are borrowed. */
  const examine = (life: Life, { image, sidecar, peer, options, standing }: Asked): Promise<Examined> =>
    examiner.examine({ options, source: Source.of(image), sidecar: sidecar && Source.of(sidecar), uid: peer.uid, standing }, life);

  /** The same, and what is refused for want of trust once more, if somebody lets the caller have it. */
  const examineOrAsk = async (life: Life, asked: Asked, call: UntrustedCall): Promise<Examined> => {
    try {
      return await examine(life, asked);
    } catch (refusal) {
      if (asked.standing !== 'untrusted' || !isOfTrust(refusal)) throw refusal;
      life.step('DOUBTED');
      if (!(await askUntrusted(call))) throw refusal;
      life.step('VOUCHED');
      mesh.log.info({ request: call.request, uid: call.peer.uid }, 'an image that nobody signed is let in for its caller');
      return examine(life, { ...asked, standing: 'vouched' });
    }
  };

  return {
    async 'image.verify'(call, descriptors) {
      const { request, deadline, peer, options, holder, hasSidecar, isInTrustedDirectory } = call;
      const [image] = descriptors;
      const namespace = holder === null ? undefined : descriptors[1];
      const sidecar = hasSidecar ? descriptors.at(-1) : undefined;
      if (image === undefined) throw new PosternError('INTERNAL');
      using _image = image;
      using _sidecar = sidecar;
      await lives.run(request, progressOf(request), async (life) => {
        parseMountOptions(options.mountOptions);
        const standing = standingOf({ image, isInTrustedDirectory, options, peer });
        const examined = await examineOrAsk(life, { image, sidecar, peer, options, standing }, call);
        const { plan, sources } = makePlan(examined, options, holder, peer);
        const passed = namespace === undefined ? sources : [namespace, ...sources];
        mesh.pass('mounter', 'image.attach', { request, deadline, holder, plan, sources: sources.length }, passed);
      });
    },

    async 'image.prepare'({ request, peer, options }, [image]) {
      if (image === undefined) throw new PosternError('INTERNAL');
      using _image = image;
      await lives.run(request, progressOf(request), async (life) => {
        const { admitted } = await examine(life, { image, sidecar: undefined, peer, options, standing: 'untrusted' });
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

    'request.cancel'({ request }) {
      lives.cancel(request);
    },
  };
}
