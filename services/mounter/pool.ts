/** The workers: so many threads, one mount each at a time, a bounded queue before them, and no mount ever broken off half-way. */
import { Piscina } from 'piscina';
import { PosternError } from '../../mesh/errors.ts';
import type { MounterConfig } from './config.ts';
import type { DirectoryJob, JobOutcome, MountJob, SignerJob } from './job.ts';

type Job = MountJob | DirectoryJob | SignerJob;

export interface PoolOptions extends Pick<MounterConfig, 'workers' | 'queue'> {
  /** the worker's bundle */
  readonly file: string;
  /** A worker or its helper is lost, and with it what it had open. After the lock-down none can be started: only a new process helps. */
  readonly onLost: (error: unknown) => void;
}

export class MountPool {
  readonly #pool: Piscina<Job | null, JobOutcome>;
  readonly #onLost: (error: unknown) => void;
  #closing = false;

  private constructor({ file, workers, queue, onLost }: PoolOptions) {
    this.#pool = new Piscina({
      filename: file,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      maxQueue: queue,
      // a thread that sleeps in Atomics.wait has the worse 99th percentile (measured)
      atomics: 'disabled',
      // descriptors are ours, opened and closed by the addon; Node would close numbers that have long been reused
      trackUnmanagedFds: false,
      recordTiming: false,
    });
    this.#onLost = onLost;
    this.#pool.on('error', (error: unknown) => this.#lose(error));
    this.#pool.on('workerDestroy', () => this.#lose(new Error('a worker thread ended')));
  }

  /** Starts every thread and its helper, and waits for the last of them. */
  static async start(options: PoolOptions): Promise<MountPool> {
    const pool = new MountPool(options);
    // as many at once as there are threads, so that each takes one
    await Promise.all(Array.from({ length: options.workers }, () => pool.#pool.run(null, { name: 'ready' })));
    return pool;
  }

  /** Mounts waiting for a worker. */
  get waiting(): number {
    return this.#pool.queueSize;
  }

  run(job: MountJob): Promise<JobOutcome> {
    return this.#run(job, 'mount');
  }

  runDirectory(job: DirectoryJob): Promise<JobOutcome> {
    return this.#run(job, 'directory');
  }

  runSigner(job: SignerJob): Promise<JobOutcome> {
    return this.#run(job, 'signer');
  }

  async #run(job: Job, name: 'mount' | 'directory' | 'signer'): Promise<JobOutcome> {
    if (this.#pool.queueSize >= this.#pool.options.maxQueue) throw new PosternError('SERVICE_UNAVAILABLE', 'too many mounts are waiting');
    try {
      return await this.#pool.run(job, { name });
    } catch (error) {
      this.#lose(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#pool.destroy();
  }

  #lose(error: unknown): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#onLost(error);
  }
}
