/** What Postern asks of a kernel, and what it means when the answer is no. */

/** `needsRoot`: nobody but root can try it, and we are not. */
export type Finding = 'yes' | 'no' | 'needsRoot';

export interface Feature {
  readonly name: string;
  readonly title: string;
  /** without it nothing works */
  readonly required?: true;
  /** what follows where it works, and where it does not */
  readonly yes: string;
  readonly no: string;
  /** what to do about a no */
  readonly next?: string;
}

const fileSystem = (name: string): Feature => ({
  name,
  title: `${name} file systems`,
  yes: `images made of ${name} can be mounted`,
  no: `images made of ${name} can't be mounted`,
  next: `modprobe ${name}, or make the image with another file system`,
});

/** In the order in which a request meets them. */
export const features: readonly Feature[] = [
  {
    name: 'user-namespace',
    title: 'user namespaces for ordinary users',
    required: true,
    yes: 'anybody can make a namespace to be given a range',
    no: 'nobody but root can make the namespace that is to be given a range',
    next: 'sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces, or the AppArmor setting of your distribution',
  },
  {
    name: 'other-namespaces',
    title: 'mount, pid, ipc, uts and cgroup namespaces',
    required: true,
    yes: '`postern run` can make a container',
    no: '`postern run` can’t make a container',
    next: 'raise the limits in /proc/sys/user',
  },
  {
    name: 'mount-api',
    title: 'detached mounts (fsopen, fsmount, move_mount)',
    required: true,
    yes: 'a mount can be handed over as a descriptor',
    no: 'no mount can be handed over',
    next: 'Linux 5.12 or newer is needed',
  },
  {
    name: 'idmapped-mount',
    title: 'idmapped mounts',
    required: true,
    yes: 'files in an image belong to the IDs of the range',
    no: 'files in an image would belong to IDs of the host',
    next: 'Linux 5.12 or newer is needed; 5.19 for erofs',
  },
  {
    name: 'seccomp',
    title: 'seccomp filters for all threads',
    required: true,
    yes: 'each service is held to the system calls it needs',
    no: 'services can’t be locked down, so they don’t start',
    next: 'a kernel with CONFIG_SECCOMP_FILTER is needed',
  },
  fileSystem('erofs'),
  {
    name: 'erofs-file',
    title: 'erofs straight from a file',
    yes: 'erofs images need no loop device: the quickest way',
    no: 'erofs images are mounted over loop devices, which costs about twice as much',
    next: 'Linux 6.12 or newer has it',
  },
  fileSystem('squashfs'),
  fileSystem('ext4'),
  fileSystem('xfs'),
  fileSystem('btrfs'),
  {
    name: 'loop',
    title: 'loop devices',
    yes: 'images of every file system above can be mounted',
    no: 'no image can be mounted but erofs straight from a file',
    next: 'modprobe loop',
  },
  {
    name: 'dm-verity',
    title: 'device mapper with dm-verity',
    yes: 'the kernel itself can check signed images as they are read',
    no: 'signed images are copied to the verified store and checked whole, once',
    next: 'modprobe dm_verity, if this kernel has it; the store is as safe',
  },
  {
    name: 'dm-crypt',
    title: 'device mapper with dm-crypt',
    yes: 'encrypted images can be opened by their password',
    no: 'encrypted images are refused',
    next: 'modprobe dm_crypt, if this kernel has it',
  },
  {
    name: 'dm-integrity',
    title: 'device mapper with dm-integrity',
    yes: 'writable images can be protected from change behind their user’s back',
    no: 'there are no protected writable images',
    next: 'modprobe dm_integrity, if this kernel has it',
  },
  {
    name: 'fs-verity',
    title: 'fs-verity where images are kept',
    yes: 'a file sealed with a signed digest can be an image',
    no: 'files can’t be sealed by the kernel here',
    next: 'ext4 or btrfs with the `verity` feature, on a kernel with CONFIG_FS_VERITY',
  },
  {
    name: 'veth',
    title: 'pairs of network interfaces (veth)',
    yes: 'a namespace can be connected with the host',
    no: 'namespaces stay without a network of the host’s',
    next: 'modprobe veth',
  },
  {
    name: 'tap',
    title: 'network interfaces that a program feeds (/dev/net/tun)',
    yes: 'a virtual machine in a range can be connected with the host',
    no: 'there are no taps',
    next: 'modprobe tun',
  },
  {
    name: 'bpf-lsm',
    title: 'BPF programs that guard files (BPF-LSM)',
    yes: 'the kernel takes a policy by which no transient ID outlives its namespace',
    no: 'ranges are NEVER USED TWICE: what is left behind belongs to nobody, ever; the pool gets smaller with each use',
    next: 'a kernel with CONFIG_BPF_LSM and `bpf` in its lsm= parameter; until then keep the pool large',
  },
  {
    name: 'namespace-id',
    title: 'namespaces with a number that is never used again',
    yes: 'a namespace is known by its kernel number',
    no: 'a namespace is known by its inode and generation',
    next: 'Linux 6.13 or newer has it; nothing needs to be done',
  },
  {
    name: 'namespace-handle',
    title: 'file handles of namespaces',
    yes: 'the end of a namespace is seen without holding on to it',
    no: 'the end of a namespace is seen only through BPF',
    next: 'Linux 6.18 or newer has it',
  },
  {
    name: 'peer-pidfd',
    title: 'the caller’s process by its socket (SO_PEERPIDFD)',
    yes: 'a caller is known by a descriptor of its process',
    no: 'a caller is known by its process number, checked twice',
    next: 'Linux 6.5 or newer has it; nothing needs to be done',
  },
];

/** A way to be let in, or a rule for ranges, and what it stands on. */
export interface Route {
  readonly title: string;
  readonly needs: readonly string[];
  /** the kernel's part is told; this version of Postern does not use it yet */
  readonly planned?: true;
}

export const routes: readonly Route[] = [
  { title: 'signed image, checked whole once and kept (verified store)', needs: [] },
  { title: 'signed image, checked by the kernel as it is read (dm-verity)', needs: ['dm-verity', 'loop'] },
  { title: 'file sealed with a signed digest (fs-verity)', needs: ['fs-verity'] },
  { title: 'encrypted image (dm-crypt)', needs: ['dm-crypt', 'loop'] },
  { title: 'writable image with integrity (dm-integrity)', needs: ['dm-integrity'], planned: true },
  { title: 'ranges used again after their namespace', needs: ['bpf-lsm'] },
];
