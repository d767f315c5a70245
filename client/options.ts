/** What the library's methods take: the parameters that the interfaces declare, with descriptors in the place of indices. */
import type { ParametersOf } from '../varlink/method/registry.ts';
import type { Borrowed } from './connection.ts';

const namespaces = 'io.systemd.NamespaceResource';
const mounts = 'io.systemd.MountFileSystem';

/** Full names of the methods that the library calls. */
export const methods = {
  allocate: `${namespaces}.AllocateUserRange`,
  register: `${namespaces}.RegisterUserNamespace`,
  addControlGroup: `${namespaces}.AddControlGroupToUserNamespace`,
  addNetwork: `${namespaces}.AddNetworkToUserNamespace`,
  mountImage: `${mounts}.MountImage`,
  mountDirectory: `${mounts}.MountDirectory`,
  makeDirectory: `${mounts}.MakeDirectory`,
  userRecord: 'io.systemd.UserDatabase.GetUserRecord',
  groupRecord: 'io.systemd.UserDatabase.GetGroupRecord',
  prepare: 'io.postern.Images.Prepare',
  status: 'io.postern.Gateway.GetStatus',
} as const;

type Parameters<M extends keyof typeof methods> = ParametersOf<(typeof methods)[M]>;

/** A type without some of its fields. */
export type Without<T, K extends string> = { [P in keyof T as P extends K ? never : P]: T[P] };

interface ForNamespace {
  readonly userNamespace: Borrowed;
}

export type AllocateOptions = ForNamespace &
  Partial<Without<Parameters<'allocate'>, 'userNamespaceFileDescriptor' | 'name'>> & { readonly name: string };

/** Of a namespace that has its IDs already: by whoever may write its maps, or by the caller's own. */
export type RegisterOptions = ForNamespace & Without<Parameters<'register'>, 'userNamespaceFileDescriptor'>;

export type AddControlGroupOptions = ForNamespace & {
  /** a directory of cgroup2 that the caller owns, open for reading */
  readonly controlGroup: Borrowed;
};

export type VethOptions = ForNamespace & {
  /** where the other end is to be; it belongs to the user namespace */
  readonly networkNamespace: Borrowed;
  /** what the other end is to be called; `host0` when left out */
  readonly name?: string;
};

type ImageDescriptors = 'imageFileDescriptor' | 'userNamespaceFileDescriptor' | 'verityDataFileDescriptor';
export type MountImageOptions = Without<Parameters<'mountImage'>, ImageDescriptors> & {
  readonly image: Borrowed;
  /** whose IDs the image's owners become; without one the mount is for the host, which only root may have */
  readonly userNamespace?: Borrowed;
  /** the hash tree of a bare file system, together with `verityRootHash` */
  readonly verityData?: Borrowed;
};

export type MountDirectoryOptions = Without<Parameters<'mountDirectory'>, 'directoryFileDescriptor' | 'userNamespaceFileDescriptor'> & {
  /** may be open by O_PATH */
  readonly directory: Borrowed;
  /** whose IDs the directory's owners become; without one the mount is for the host, which only root may have */
  readonly userNamespace?: Borrowed;
};

export type MakeDirectoryOptions = Without<Parameters<'makeDirectory'>, 'parentFileDescriptor'> & {
  /** the caller's own, open for reading */
  readonly parent: Borrowed;
};
