/** Puts the service together from its parts. */
import { architectureOf } from '../../image/partition-types.ts';
import { trustedPolicy, untrustedPolicy } from '../../image/policy.ts';
import { type Clock, systemClock } from '../../mesh/clock.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import { native } from '../../native/index.ts';
import type { VerityConfig } from './config.ts';
import { Examiner, type Terms } from './examine.ts';
import { verityHandlers } from './handlers.ts';
import { Keeper } from './keeper.ts';
import { Lanes } from './lanes.ts';
import { Lives } from './lives.ts';
import { OperatorsPolicy } from './policies.ts';
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

export async function startVerity(
  mesh: Mesh<'verity'>,
  config: VerityConfig,
  clock: Clock = systemClock,
  thread = unlockThread,
): Promise<RunningVerity> {
  const architecture = architectureOf(process.arch);
  if (architecture === null) throw new Error(`no partition types are known for ${process.arch}`);
  const folder = await StoreFolder.open(config.store.folder);
  const store = new Store(folder, limitsOf(config, folder), mesh.log);
  const keeper = new Keeper(store, new Lanes(), native.hashBlocks);
  const trust = new Trust({ folders: [...config.trust, ...config.system_trust], verify: native.pkcs7Verify, clock, log: mesh.log });
  await trust.refresh();
  const devices = new VerityDevices();
  const { signers } = config;
  const cryptDevices = new CryptDevices();
  const locksmith = new Locksmith({ thread, maxMemory: config.unlock_memory });
  const encrypted = encryptedRoute({ locksmith, devices: cryptDevices });
  const ownWord: Route[] = [
    ...(config.routes.sealed ? [sealedRoute({ trust, signers, kernelChecks: kernelChecksSeals() })] : []),
    ...(config.routes.signed ? [signedRoute({ trust, keeper, devices, signers })] : []),
  ];
  const terms: Record<Standing, Terms> = {
    untrusted: { policy: new OperatorsPolicy(untrustedPolicy), routes: ownWord },
    trusted: { policy: new OperatorsPolicy(trustedPolicy), routes: [intactRoute({ keeper, devices }), plainRoute(), ...ownWord] },
  };
  const lives = new Lives(clock);
  mesh.onPeerDown((peer) => {
    if (peer === 'gateway') lives.cancelAll();
  });
  return {
    handlers: verityHandlers(mesh, new Examiner(terms, encrypted, architecture), lives, devices, cryptDevices),
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
