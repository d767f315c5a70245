/** What the operator may set about the gateway. */
import * as v from 'valibot';
import { isMethodName } from '../../varlink/method/registry.ts';
import { isAskedAbout } from './questions.ts';

const milliseconds = (fallback: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(86_400_000)), fallback);
const limit = (fallback: number, max: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max)), fallback);

const ids = v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe))), []);

/** Who may call a method: everybody, root alone, root and those whom polkit lets, or root and those who are named. */
const rule = v.union(
  [v.picklist(['any', 'root', 'polkit']), v.strictObject({ uids: ids, gids: ids })],
  'neither "any" nor "root" nor "polkit" nor { uids = […], gids = […] }',
);
export type Rule = v.InferOutput<typeof rule>;

export const configSchema = v.strictObject({
  /** The version that GetInfo and GetStatus tell. */
  version: v.optional(v.pipe(v.string(), v.maxLength(64)), 'unreleased'),

  /** Who may see what the services report about themselves in GetStatus. */
  reportsFor: v.optional(v.picklist(['root', 'everyone']), 'root'),

  /**
   * Full name of a method to who may call it. It only takes away: what a method itself keeps for root stays root's, but for mounts for the
   * host, which polkit may let others have.
   */
  who: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.check(isMethodName, 'no interface of Postern has this method')), rule),
      v.check(
        (who) => Object.entries(who).every(([method, each]) => each !== 'polkit' || isAskedAbout(method)),
        'polkit knows no action for it',
      ),
    ),
    {},
  ),

  /** Whether polkit decides about the methods that it knows and that have no rule here; settled by `serve`. */
  polkit: v.optional(v.boolean(), false),

  limits: v.optional(
    v.strictObject({
      /** As many as systemd's daemons take. */
      connections: limit(4096, 65536),
      connections_per_user: limit(1024, 65536),
      /** Fewer than the mesh lets wait for a service that is down (mesh/link.ts). */
      requests: limit(512, 1024),
      requests_per_user: limit(64, 1024),
      calls_per_connection: limit(8, 64),
      /** A few messages of the longest size. */
      bytes_per_user: limit(64 * 1024 * 1024, 1 << 30),
      /** Well below what a process may have open: eight users at their limit fit. */
      descriptors_per_user: limit(2048, 16384),
    }),
    {},
  ),

  deadlines: v.optional(
    v.strictObject({
      /** What stock clients wait before they give up. */
      request: milliseconds(45_000),
      /** The first mount of a large image hashes all of it. */
      image: milliseconds(600_000),
      /** How long a person may take to prove who they are. */
      interactive: milliseconds(600_000),
      /** How long `GetStatus` waits for services to report. */
      status: milliseconds(2_000),
      /** From the first byte of a message to its last, and for a client to take its answer. */
      silence: milliseconds(25_000),
    }),
    {},
  ),
});
export type GatewayConfig = v.InferOutput<typeof configSchema>;
