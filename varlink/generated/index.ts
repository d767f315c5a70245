// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.
import * as ioPosternGateway from './io.postern.Gateway.ts';
import * as ioPosternImages from './io.postern.Images.ts';
import * as ioSystemd from './io.systemd.ts';
import * as ioSystemdMountFileSystem from './io.systemd.MountFileSystem.ts';
import * as ioSystemdNamespaceResource from './io.systemd.NamespaceResource.ts';
import * as ioSystemdUserDatabase from './io.systemd.UserDatabase.ts';
import * as orgVarlinkService from './org.varlink.service.ts';

/** Every method, by its full name. */
export interface Methods {
  'io.postern.Gateway.GetStatus': { readonly parameters: ioPosternGateway.GetStatusParameters; readonly reply: ioPosternGateway.GetStatusReply };
  'io.postern.Images.Prepare': { readonly parameters: ioPosternImages.PrepareParameters; readonly reply: ioPosternImages.PrepareReply };
  'io.systemd.MountFileSystem.MountImage': { readonly parameters: ioSystemdMountFileSystem.MountImageParameters; readonly reply: ioSystemdMountFileSystem.MountImageReply };
  'io.systemd.MountFileSystem.MountDirectory': { readonly parameters: ioSystemdMountFileSystem.MountDirectoryParameters; readonly reply: ioSystemdMountFileSystem.MountDirectoryReply };
  'io.systemd.MountFileSystem.MakeDirectory': { readonly parameters: ioSystemdMountFileSystem.MakeDirectoryParameters; readonly reply: ioSystemdMountFileSystem.MakeDirectoryReply };
  'io.systemd.NamespaceResource.AllocateUserRange': { readonly parameters: ioSystemdNamespaceResource.AllocateUserRangeParameters; readonly reply: ioSystemdNamespaceResource.AllocateUserRangeReply };
  'io.systemd.NamespaceResource.RegisterUserNamespace': { readonly parameters: ioSystemdNamespaceResource.RegisterUserNamespaceParameters; readonly reply: ioSystemdNamespaceResource.RegisterUserNamespaceReply };
  'io.systemd.NamespaceResource.AddMountToUserNamespace': { readonly parameters: ioSystemdNamespaceResource.AddMountToUserNamespaceParameters; readonly reply: ioSystemdNamespaceResource.AddMountToUserNamespaceReply };
  'io.systemd.NamespaceResource.AddControlGroupToUserNamespace': { readonly parameters: ioSystemdNamespaceResource.AddControlGroupToUserNamespaceParameters; readonly reply: ioSystemdNamespaceResource.AddControlGroupToUserNamespaceReply };
  'io.systemd.NamespaceResource.AddNetworkToUserNamespace': { readonly parameters: ioSystemdNamespaceResource.AddNetworkToUserNamespaceParameters; readonly reply: ioSystemdNamespaceResource.AddNetworkToUserNamespaceReply };
  'io.systemd.UserDatabase.GetUserRecord': { readonly parameters: ioSystemdUserDatabase.GetUserRecordParameters; readonly reply: ioSystemdUserDatabase.GetUserRecordReply };
  'io.systemd.UserDatabase.GetGroupRecord': { readonly parameters: ioSystemdUserDatabase.GetGroupRecordParameters; readonly reply: ioSystemdUserDatabase.GetGroupRecordReply };
  'io.systemd.UserDatabase.GetMemberships': { readonly parameters: ioSystemdUserDatabase.GetMembershipsParameters; readonly reply: ioSystemdUserDatabase.GetMembershipsReply };
  'org.varlink.service.GetInfo': { readonly parameters: orgVarlinkService.GetInfoParameters; readonly reply: orgVarlinkService.GetInfoReply };
  'org.varlink.service.GetInterfaceDescription': { readonly parameters: orgVarlinkService.GetInterfaceDescriptionParameters; readonly reply: orgVarlinkService.GetInterfaceDescriptionReply };
}

/** Every error, by its full name. */
export interface Errors {
  'io.postern.Gateway.TimedOut': ioPosternGateway.TimedOutError;
  'io.postern.Gateway.Cancelled': ioPosternGateway.CancelledError;
  'io.postern.Gateway.ServiceDied': ioPosternGateway.ServiceDiedError;
  'io.postern.Gateway.ServiceUnavailable': ioPosternGateway.ServiceUnavailableError;
  'io.postern.Gateway.LimitReached': ioPosternGateway.LimitReachedError;
  'io.postern.Gateway.StoreFull': ioPosternGateway.StoreFullError;
  'io.postern.Gateway.UpgradeNotSupported': ioPosternGateway.UpgradeNotSupportedError;
  'io.postern.Gateway.Internal': ioPosternGateway.InternalError;
  'io.systemd.Disconnected': ioSystemd.DisconnectedError;
  'io.systemd.TimedOut': ioSystemd.TimedOutError;
  'io.systemd.Protocol': ioSystemd.ProtocolError;
  'io.systemd.System': ioSystemd.SystemError;
  'io.systemd.InteractiveAuthenticationRequired': ioSystemd.InteractiveAuthenticationRequiredError;
  'io.systemd.MountFileSystem.IncompatibleImage': ioSystemdMountFileSystem.IncompatibleImageError;
  'io.systemd.MountFileSystem.MultipleRootPartitionsFound': ioSystemdMountFileSystem.MultipleRootPartitionsFoundError;
  'io.systemd.MountFileSystem.RootPartitionNotFound': ioSystemdMountFileSystem.RootPartitionNotFoundError;
  'io.systemd.MountFileSystem.DeniedByImagePolicy': ioSystemdMountFileSystem.DeniedByImagePolicyError;
  'io.systemd.MountFileSystem.KeyNotFound': ioSystemdMountFileSystem.KeyNotFoundError;
  'io.systemd.MountFileSystem.VerityFailure': ioSystemdMountFileSystem.VerityFailureError;
  'io.systemd.MountFileSystem.BadFileDescriptorFlags': ioSystemdMountFileSystem.BadFileDescriptorFlagsError;
  'io.systemd.NamespaceResource.UserNamespaceInterfaceNotSupported': ioSystemdNamespaceResource.UserNamespaceInterfaceNotSupportedError;
  'io.systemd.NamespaceResource.NameExists': ioSystemdNamespaceResource.NameExistsError;
  'io.systemd.NamespaceResource.UserNamespaceExists': ioSystemdNamespaceResource.UserNamespaceExistsError;
  'io.systemd.NamespaceResource.DynamicRangeUnavailable': ioSystemdNamespaceResource.DynamicRangeUnavailableError;
  'io.systemd.NamespaceResource.NoDynamicRange': ioSystemdNamespaceResource.NoDynamicRangeError;
  'io.systemd.NamespaceResource.UserNamespaceNotRegistered': ioSystemdNamespaceResource.UserNamespaceNotRegisteredError;
  'io.systemd.NamespaceResource.UserNamespaceWithoutUserRange': ioSystemdNamespaceResource.UserNamespaceWithoutUserRangeError;
  'io.systemd.NamespaceResource.TooManyControlGroups': ioSystemdNamespaceResource.TooManyControlGroupsError;
  'io.systemd.NamespaceResource.ControlGroupAlreadyAdded': ioSystemdNamespaceResource.ControlGroupAlreadyAddedError;
  'io.systemd.NamespaceResource.TooManyNetworkInterfaces': ioSystemdNamespaceResource.TooManyNetworkInterfacesError;
  'io.systemd.NamespaceResource.TooManyDelegations': ioSystemdNamespaceResource.TooManyDelegationsError;
  'io.systemd.UserDatabase.NoRecordFound': ioSystemdUserDatabase.NoRecordFoundError;
  'io.systemd.UserDatabase.BadService': ioSystemdUserDatabase.BadServiceError;
  'io.systemd.UserDatabase.ServiceNotAvailable': ioSystemdUserDatabase.ServiceNotAvailableError;
  'io.systemd.UserDatabase.ConflictingRecordFound': ioSystemdUserDatabase.ConflictingRecordFoundError;
  'io.systemd.UserDatabase.NonMatchingRecordFound': ioSystemdUserDatabase.NonMatchingRecordFoundError;
  'io.systemd.UserDatabase.EnumerationNotSupported': ioSystemdUserDatabase.EnumerationNotSupportedError;
  'org.varlink.service.InterfaceNotFound': orgVarlinkService.InterfaceNotFoundError;
  'org.varlink.service.MethodNotFound': orgVarlinkService.MethodNotFoundError;
  'org.varlink.service.MethodNotImplemented': orgVarlinkService.MethodNotImplementedError;
  'org.varlink.service.InvalidParameter': orgVarlinkService.InvalidParameterError;
  'org.varlink.service.PermissionDenied': orgVarlinkService.PermissionDeniedError;
  'org.varlink.service.ExpectedMore': orgVarlinkService.ExpectedMoreError;
}

/** The canonical text of every interface, by its name. */
export const descriptions = {
  'io.postern.Gateway': ioPosternGateway.description,
  'io.postern.Images': ioPosternImages.description,
  'io.systemd': ioSystemd.description,
  'io.systemd.MountFileSystem': ioSystemdMountFileSystem.description,
  'io.systemd.NamespaceResource': ioSystemdNamespaceResource.description,
  'io.systemd.UserDatabase': ioSystemdUserDatabase.description,
  'org.varlink.service': orgVarlinkService.description,
} as const;
