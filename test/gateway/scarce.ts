/** A gateway in a process of its own, for a test that lets it run short of descriptors. Says where it listens; ends with its input. */
import { startTestGateway } from './harness.ts';

const gateway = await startTestGateway();
process.stdout.write(`${gateway.path}\n`);
process.stdin.resume();
process.stdin.on('end', () => {
  void gateway.close();
});
