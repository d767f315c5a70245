/**
 * One log for all processes: JSON lines on stderr, written before the call returns, so that a process which dies has said why.
 * POSTERN_LOG=text makes it readable for people; POSTERN_LOG_LEVEL sets how much is said (default: info).
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';
import type { Node } from './protocol.ts';

export type { Logger } from 'pino';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Never in a log, however deep in an object someone logs them. */
const redacted = ['password', '*.password', '*.*.password', '*.*.*.password'];

/**
 * The log of one process. Every line carries `service`; `log.child({ request })` adds the request.
 * @param stream where lines go instead of stderr
 */
export function createLog(service: Node | 'cli', stream: DestinationStream = toStderr()): Logger {
  const wanted = process.env.POSTERN_LOG_LEVEL ?? 'info';
  return pino(
    {
      level: levels.includes(wanted) ? wanted : 'info',
      base: { service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redacted, censor: '…' },
    },
    stream,
  );
}

function toStderr(): DestinationStream {
  const stderr = destination({ fd: 2, sync: true });
  if (process.env.POSTERN_LOG !== 'text') return stderr;
  return pretty({
    sync: true,
    singleLine: true,
    destination: 2,
    ignore: 'pid,hostname,service',
    messageFormat: '{service}: {msg}',
    translateTime: 'SYS:HH:MM:ss.l',
  });
}
