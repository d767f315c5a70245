/** What an operator may set about polkit. */
import * as v from 'valibot';

/** The folder of the system bus's socket, as every distribution has it (D-Bus Specification, "System message bus"). */
export const busFolder = '/run/dbus';

export const configSchema = v.strictObject({
  /** whether polkit decides about the methods that have no rule of their own in `[gateway.who]`; left out: with `serve --systemd` */
  ask: v.optional(v.boolean()),
  /** milliseconds for an answer that needs no person, as long as programs wait for an answer on a bus by default */
  patience: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(600_000)), 25_000),
  /** where the bus listens */
  bus: v.optional(v.pipe(v.string(), v.startsWith('/'), v.maxLength(107)), `${busFolder}/system_bus_socket`),
});
export type PolkitConfig = v.InferOutput<typeof configSchema>;
