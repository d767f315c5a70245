/** What this service answers: may this image be mounted, and from what? */
import { toHex } from '../../image/bytes.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { ImageOptions, Peer } from '../../mesh/protocol.ts';
import { type AskUntrusted, type Authority, isOfTrust, type UntrustedCall } from './authority.ts';
import type { Examined, Examiner } from './examine.ts';
import type { OnProgress } from './flights.ts';
import type { JudgeByKernel, KernelKeyrings } from './kernel-keyrings.ts';
import type { Life, Lives } from './lives.ts';
import { parseMountOptions } from './mount-options.ts';
import { makePlan } from './plan.ts';
import type { VerityDevices } from './routes/device.ts';
import { closeAdmissions } from './routes/route.ts';
import { Source } from './source.ts';
import { type Standing, standingOf } from './standing.ts';
import type { CryptDevices } from './unlock/crypt-devices.ts';

/** What the protocol has room for. */
const maxSignerLength = 255;

interface Asked {
  readonly image: Descriptor;
  readonly sidecar: Descriptor | undefined;
  readonly peer: Peer;
  readonly options: ImageOptions;
  readonly standing: Standing;
  readonly password: Uint8Array | null;
  readonly judgeByKernel: JudgeByKernel | null;
}

export interface VerityParts {
  readonly mesh: Mesh<'verity'>;
  readonly examiner: Examiner;
  readonly lives: Lives;
  readonly devices: VerityDevices;
  readonly cryptDevices: CryptDevices;
  readonly authority: Pick<Authority, 'told'>;
  readonly askUntrusted: AskUntrusted;
  readonly keyrings: Pick<KernelKeyrings, 'judge' | 'told'>;
}

export function verityHandlers(parts: VerityParts): Handlers<'verity'> {
  const { mesh, examiner, lives, devices, cryptDevices, authority, askUntrusted, keyrings } = parts;
  const progressOf =
    (request: number): OnProgress =>
    (progress) =>
      mesh.send('gateway', 'request.progress', { request, ...progress });

  /** Examines an image whose descriptors are borrowed. */
  const examine = (life: Life, { image, sidecar, peer, ...asked }: Asked): Promise<Examined> =>
    examiner.examine({ source: Source.of(image), sidecar: sidecar && Source.of(sidecar), uid: peer.uid, ...asked }, life);

  /** The same, and what is refused for want of trust once more, if somebody lets the caller have it. */
  const examineOrAsk = async (life: Life, asked: Asked, call: UntrustedCall, process: Descriptor | undefined): Promise<Examined> => {
    try {
      return await examine(life, asked);
    } catch (refusal) {
      if (asked.standing !== 'untrusted' || !isOfTrust(refusal)) throw refusal;
      life.step('DOUBTED');
      if (!(await askUntrusted(call, process))) throw refusal;
      life.step('VOUCHED');
      mesh.log.info({ request: call.request, uid: call.peer.uid }, 'an image that nobody signed is let in for its caller');
      return examine(life, { ...asked, standing: 'vouched', judgeByKernel: null });
    }
  };

  return {
    async 'image.verify'({ password, hasSidecar, isInTrustedDirectory, ...call }, descriptors) {
      const { request, deadline, peer, options, holder, consult } = call;
      const [image, ...rest] = descriptors;
      const namespace = holder === null ? undefined : rest.shift();
      const sidecar = hasSidecar ? rest.shift() : undefined;
      const process = consult === null ? undefined : rest.shift();
      if (image === undefined) throw new PosternError('INTERNAL');
      using _image = image;
      using _sidecar = sidecar;
      using _process = process;
      await lives
        .run(request, progressOf(request), async (life) => {
          parseMountOptions(options.mountOptions);
          const standing = standingOf({ image, isInTrustedDirectory, options, peer });
          const matters = standing === 'untrusted' && process !== undefined;
          const judgeByKernel: JudgeByKernel | null = matters ? (admission) => keyrings.judge(admission, deadline) : null;
          const asked = { image, sidecar, peer, options, standing, password, judgeByKernel };
          const examined = await examineOrAsk(life, asked, call, process);
          try {
            const { plan, sources } = makePlan(examined, options, holder, peer);
            const passed = namespace === undefined ? sources : [namespace, ...sources];
            mesh.pass('mounter', 'image.attach', { request, deadline, holder, plan, sources: sources.length }, passed);
          } finally {
            for (const { admission } of examined.admitted) admission.forget?.();
          }
        })
        .finally(() => password?.fill(0));
    },

    async 'image.prepare'({ request, peer, options }, [image]) {
      if (image === undefined) throw new PosternError('INTERNAL');
      using _image = image;
      await lives.run(request, progressOf(request), async (life) => {
        const nobody = { sidecar: undefined, standing: 'untrusted', password: null, judgeByKernel: null } as const;
        const { admitted } = await examine(life, { image, peer, options, ...nobody });
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

    'devices.state'({ verityMissing, cryptMissing }) {
      devices.told(verityMissing);
      cryptDevices.told(cryptMissing);
    },

    'authority.told'(answer) {
      authority.told(answer);
    },

    'signer.told'(answer) {
      keyrings.told(answer);
    },

    'request.cancel'({ request }) {
      lives.cancel(request);
    },
  };
}
