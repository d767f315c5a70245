/** Every code that a request can fail with reaches the client as an error that its interface declares. */
import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorCodes, PosternError } from '../../mesh/errors.ts';
import { translate } from '../../services/gateway/errors.ts';
import { errorShape, isErrorName } from '../../varlink/method/registry.ts';

const mount = 'io.systemd.MountFileSystem.MountImage';
const allocate = 'io.systemd.NamespaceResource.AllocateUserRange';

describe.each(errorCodes)('%s', (code) => {
  it('is a declared error with the fields that it declares', () => {
    for (const method of [mount, allocate, 'io.postern.Images.Prepare']) {
      const { name, parameters } = translate(new PosternError(code, 'a detail', 'aParameter'), method);
      if (!isErrorName(name)) throw new Error(`${name} is not declared`);
      expect(errorShape(name, 'refuse').fault({ ...parameters })).toBe(null);
    }
  });

  it('says why, and what to do next', () => {
    const { parameters } = translate(new PosternError(code, 'a detail'), mount);
    if (code === 'NOT_IMPLEMENTED') expect(parameters).toEqual({ method: mount });
    else expect(parameters).toMatchObject({ reason: code, message: expect.stringMatching(/.+ \(a detail\); .+/) });
  });
});

describe('names that stock clients know', () => {
  for (const [code, method, name] of [
    ['RANGE_NOT_DELEGATED', allocate, 'io.systemd.NamespaceResource.DynamicRangeUnavailable'],
    ['RANGES_EXHAUSTED', allocate, 'io.systemd.NamespaceResource.NoDynamicRange'],
    ['RANGES_USED_UP', allocate, 'io.systemd.NamespaceResource.NoDynamicRange'],
    ['DESCRIPTOR_FLAGS', mount, 'io.systemd.MountFileSystem.BadFileDescriptorFlags'],
    ['DESCRIPTOR_FLAGS', allocate, 'org.varlink.service.InvalidParameter'],
    ['NAMESPACE_UNMAPPED', mount, 'org.varlink.service.InvalidParameter'],
    ['SIGNATURE_MISSING', mount, 'io.systemd.MountFileSystem.DeniedByImagePolicy'],
    ['SIGNER_UNKNOWN', mount, 'io.systemd.MountFileSystem.KeyNotFound'],
    ['VERITY_DATA', mount, 'io.systemd.MountFileSystem.VerityFailure'],
  ] as const satisfies readonly (readonly [ErrorCode, string, string])[]) {
    it(`${code} of ${method.split('.').at(-1)} is ${name}`, () => {
      expect(translate(new PosternError(code), method).name).toBe(name);
    });
  }

  it('a system call’s error goes along as number and name', () => {
    expect(translate(new PosternError('MOUNT_FAILED', 'fsmount: EPERM, erofs: …'), mount).parameters).toMatchObject({
      errnoName: 'EPERM',
      errno: 1,
    });
    expect(translate(new PosternError('MOUNT_FAILED', 'Error EWHATEVER'), mount).parameters).toMatchObject({ errnoName: 'EIO', errno: 5 });
  });

  it('the parameter at fault is the one that was named, else the one that the code is about', () => {
    expect(translate(new PosternError('NAME_INVALID'), allocate).parameters).toMatchObject({ parameter: 'name' });
    expect(translate(new PosternError('INVALID_PARAMETER', '', 'size'), allocate).parameters).toMatchObject({ parameter: 'size' });
  });
});
