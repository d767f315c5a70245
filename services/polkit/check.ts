/** One question as polkit takes it, and what its answers mean (polkit reference manual, org.freedesktop.PolicyKit1.Authority). Pure. */
import type { Action, Verdict } from '../../mesh/authority.ts';
import type { Call, Incoming } from './dbus/message.ts';
import { Breach } from './dbus/reader.ts';
import type { Writer } from './dbus/writer.ts';

export const polkitName = 'org.freedesktop.PolicyKit1';
export const authority = {
  destination: polkitName,
  path: '/org/freedesktop/PolicyKit1/Authority',
  interface: `${polkitName}.Authority`,
} as const;

/** A process that no other can be taken for: a number may come again, but not with the same start. */
export interface Subject {
  readonly pid: number;
  /** field 22 of proc_pid_stat(5), in clock ticks after boot */
  readonly startTime: bigint;
  readonly uid: number;
}

export interface Question {
  readonly subject: Subject;
  readonly action: Action;
  readonly details: Readonly<Record<string, string>>;
  /** AllowUserInteraction: a person may be asked for a password */
  readonly interactive: boolean;
  /** by which it can be taken back; unlike that of any other question under way */
  readonly name: string;
}

export function checkAuthorization({ subject, action, details, interactive, name }: Question): Call {
  return {
    ...authority,
    member: 'CheckAuthorization',
    signature: '(sa{sv})sa{ss}us',
    body(writer) {
      writer.string('unix-process');
      writer.array(8, () => {
        variant(writer, 'pid', 'u', () => writer.uint32(subject.pid));
        variant(writer, 'start-time', 't', () => writer.uint64(subject.startTime));
        variant(writer, 'uid', 'i', () => writer.int32(subject.uid | 0));
      });
      writer.string(action);
      writer.strings(details);
      writer.uint32(interactive ? 1 : 0);
      writer.string(name);
    },
  };
}

/** Takes a question back: the dialog goes away. */
export function cancelCheck(name: string): Call {
  return { ...authority, member: 'CancelCheckAuthorization', signature: 's', body: (writer) => writer.string(name) };
}

/** @throws Breach where it is no answer to such a question */
export function verdictOf({ signature, body }: Incoming): Verdict {
  if (signature !== '(bba{ss})') throw new Breach('polkit answers in another shape');
  const [isAuthorized, isChallenge] = [body.boolean(), body.boolean()];
  if (isAuthorized) return 'yes';
  // Who closes the dialog says no, though asked again they might say yes.
  return isChallenge && !body.dictionary().has('polkit.dismissed') ? 'challenge' : 'no';
}

/** What a bus says of a name that nobody has and that it can't start; the last where a service manager starts them and knows no such unit. */
const nobody = [
  'org.freedesktop.DBus.Error.ServiceUnknown',
  'org.freedesktop.DBus.Error.NameHasNoOwner',
  'org.freedesktop.systemd1.NoSuchUnit',
];

/** Whether an error means that there is nobody to say yes or no. */
export function meansAbsent(errorName: string): boolean {
  return nobody.includes(errorName);
}

/** polkit has rules only for actions that a policy file of the machine declares; of others it has nothing to say but that. */
export function meansUnknown(errorName: string, text: string): boolean {
  return errorName === `${polkitName}.Error.Failed` && /^Action \S+ is not registered$/.test(text);
}

function variant(writer: Writer, key: string, type: string, value: () => void): void {
  writer.align(8);
  writer.string(key);
  writer.signature(type);
  value();
}
