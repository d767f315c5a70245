/** Puts the service together from its parts. */
import { architectureOf } from '../../image/partition-types.ts';
import { type Clock, systemClock } from '../../mesh/clock.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import { native } from '../../native/index.ts';
import { type AskUntrusted, Authority } from './authority.ts';
import type { VerityConfig } from './config.ts';
import { Examiner, type Terms } from './examine.ts';
import { verityHandlers } from './handlers.ts';
import { Keeper } from './keeper.ts';
import { KernelKeyrings } from './kernel-keyrings.ts';
import { Lanes } from './lanes.ts';
import { Lives } from './lives.ts';
import { OperatorsPolicy } from './policies.ts';
import { PrivateCopies } from './private-copy.ts';
import { copiedRoute } from './routes/copied.ts';
import { VerityDevices } from './routes/device.ts';
import { encryptedRoute } from './routes/encrypted.ts';
import { intactRoute } from './routes/intact.ts';
import { plainRoute } from './routes/plain.ts';
import type { Route } from './routes/route.ts';
import { sealedRoute } from './routes/sealed.ts';
import { signedRoute } from './routes/signed.ts';
import { kernelChecksSeals } from './seal.ts';
import type { Standing } from './standing.ts';
import { Store, type StoreLimits } from './store.ts';
import { StoreFolder } from './store-folder.ts';
import { Trust } from './trust.ts';
import { CryptDevices } from './unlock/crypt-devices.ts';
import { Locksmith } from './unlock/locksmith.ts';

/** The bound of the store where the operator sets none: this, or a part of the disk where that is less. */
const defaultStoreBytes = 10 * 2 ** 30;
const defaultStorePart = 1 / 4;

export interface RunningVerity {
  readonly handlers: Handlers<'verity'>;
  status(): Record<string, unknown>;
  /** Returns when the disk has what was checked. */
  stop(): Promise<void>;
}

/** The bundle of the thread that tries a password. */
const unlockThread = new URL('verity-unlock.mjs', import.meta.url);

/** What tests put in the place of the real thing. */
export interface Surroundings {
  readonly clock?: Clock;
  readonly askUntrusted?: AskUntrusted;
  readonly thread?: URL;
}

export async function startVerity(mesh: Mesh<'verity'>, config: VerityConfig, surroundings: Surroundings = {}): Promise<RunningVerity> {
  const authority = new Authority(mesh);
  const {
    clock = systemClock,
    askUntrusted = (call, process) => authority.askUntrusted(call, process),
    thread = unlockThread,
  } = surroundings;
  const architecture = architectureOf(process.arch);
  if (architecture === null) throw new Error(`no partition types are known for ${process.arch}`);
  const folder = await StoreFolder.open(config.store.folder);
  const store = new Store(folder, limitsOf(config, folder), mesh.log);
  const lanes = new Lanes();
  const keeper = new Keeper(store, lanes, native.hashBlocks);
  const trust = new Trust({ folders: [...config.trust, ...config.system_trust], verify: native.pkcs7Verify, clock, log: mesh.log });
  await trust.refresh();
  const devices = new VerityDevices();
  const { signers } = config;
  const cryptDevices = new CryptDevices();
  const locksmith = new Locksmith({ thread, maxMemory: config.unlock_memory });
  const ownWord: Route[] = [
    ...(config.routes.sealed ? [sealedRoute({ trust, signers, kernelChecks: kernelChecksSeals() })] : []),
    ...(config.routes.signed ? [signedRoute({ trust, keeper, devices, signers })] : []),
  ];
  const intact = (keepsSetuid: boolean) => intactRoute({ keeper, devices, keepsSetuid });
  const untrusted = new OperatorsPolicy(config.policies.untrusted);
  const trusted = new OperatorsPolicy(config.policies.trusted);
  const copies = new PrivateCopies(store, lanes);
  const copied = copiedRoute(copies);
  const encrypted = (from: PrivateCopies | null) => encryptedRoute({ locksmith, devices: cryptDevices, copies: from });
  const terms: Record<Standing, Terms> = {
    // the last two are for operators whose policy lets in what is not signed
    untrusted: { policy: untrusted, routes: [...ownWord, intact(false), copied], encrypted: encrypted(copies) },
    trusted: { policy: trusted, routes: [intact(true), plainRoute(), ...ownWord], encrypted: encrypted(null) },
    vouched: { policy: trusted, routes: [intact(false), copied, ...ownWord], encrypted: encrypted(copies) },
  };
  const lives = new Lives(clock);
  mesh.onPeerDown((peer) => {
    if (peer === 'gateway') lives.cancelAll();
  });
  return {
    handlers: verityHandlers({
      mesh,
      examiner: new Examiner(terms, architecture),
      lives,
      devices,
      cryptDevices,
      authority,
      askUntrusted,
      keyrings: new KernelKeyrings(mesh),
    }),
    status: () => ({
      requests: lives.status(),
      work: keeper.status(),
      store: store.status(),
      trust: trust.status(),
      devices: devices.status(),
      passwords: { kernelLacks: cryptDevices.missing, ...locksmith.status() },
      routes: ownWord.map(({ name }) => name),
      trustedDirectories: [...config.routes.trusted_directories],
    }),
    async stop() {
      await store.settled();
      folder.close();
    },
  };
}

function limitsOf({ store }: VerityConfig, folder: StoreFolder): StoreLimits {
  const maxBytes = store.max_size ?? Math.min(defaultStoreBytes, Math.floor(folder.space().total * defaultStorePart));
  return { maxBytes, maxImages: store.max_images, maxImageBytes: store.max_image_size ?? maxBytes };
}
