/**
 * The type GUIDs of discoverable partitions (UAPI Group, "Discoverable Partitions Specification"): numbers that the
 * ecosystem agreed on, per architecture where what is inside runs on a processor.
 */

/** What a partition is for. The names are those of image policies; on the wire their hyphens are underscores. */
export const designators = [
  'root',
  'usr',
  'home',
  'srv',
  'esp',
  'xbootldr',
  'swap',
  'root-verity',
  'usr-verity',
  'root-verity-sig',
  'usr-verity-sig',
  'tmp',
  'var',
] as const;
export type Designator = (typeof designators)[number];

/** What may have a hash tree and a signature of its own. */
export const protectedDesignators = ['root', 'usr'] as const satisfies readonly Designator[];
export type ProtectedDesignator = (typeof protectedDesignators)[number];

/** What is mounted, in the order in which a tree is put together. */
export const mountedDesignators = [
  ...protectedDesignators,
  'home',
  'srv',
  'esp',
  'xbootldr',
  'tmp',
  'var',
] as const satisfies readonly Designator[];
export type MountedDesignator = (typeof mountedDesignators)[number];

/** The designators of which there is one per architecture, in the order of the columns below. */
const perArchitecture = ['root', 'root-verity', 'root-verity-sig', 'usr', 'usr-verity', 'usr-verity-sig'] as const;

/** The architectures that Node runs on. */
const architectureTypes = {
  'x86-64': [
    '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
    '2c7357ed-ebd2-46d9-aec1-23d437ec2bf5',
    '41092b05-9fc8-4523-994f-2def0408b176',
    '8484680c-9521-48c6-9c11-b0720656f69e',
    '77ff5f63-e7b6-4633-acf4-1565b864c0e6',
    'e7bb33fb-06cf-4e81-8273-e543b413e2e2',
  ],
  x86: [
    '44479540-f297-41b2-9af7-d131d5f0458a',
    'd13c5d3b-b5d1-422a-b29f-9454fdc89d76',
    '5996fc05-109c-48de-808b-23fa0830b676',
    '75250d76-8cc6-458e-bd66-bd47cc81a812',
    '8f461b0d-14ee-4e81-9aa9-049b6fb97abd',
    '974a71c0-de41-43c3-be5d-5c5ccd1ad2c0',
  ],
  arm64: [
    'b921b045-1df0-41c3-af44-4c6f280d3fae',
    'df3300ce-d69f-4c92-978c-9bfb0f38d820',
    '6db69de6-29f4-4758-a7a5-962190f00ce3',
    'b0e01050-ee5f-4390-949a-9101b17104e9',
    '6e11a4e7-fbca-4ded-b9e9-e1a512bb664e',
    'c23ce4ff-44bd-4b00-b2d4-b41b3419e02a',
  ],
  arm: [
    '69dad710-2ce4-4e3c-b16c-21a1d49abed3',
    '7386cdf2-203c-47a9-a498-f2ecce45a2d6',
    '42b0455f-eb11-491d-98d3-56145ba9d037',
    '7d0359a3-02b3-4f0a-865c-654403e70625',
    'c215d751-7bcd-4649-be90-6627490a4c05',
    'd7ff812f-37d1-4902-a810-d76ba57b975a',
  ],
  riscv64: [
    '72ec70a6-cf74-40e6-bd49-4bda08e8f224',
    'b6ed5582-440b-4209-b8da-5ff7c419ea3d',
    'efe0f087-ea8d-4469-821a-4c2a96a8386a',
    'beaec34b-8442-439b-a40b-984381ed097d',
    '8f1056be-9b05-47c4-81d6-be53128e5b54',
    'd2f9000a-7a18-453f-b5cd-4d32f77a7b32',
  ],
  'ppc64-le': [
    'c31c45e6-3f39-412e-80fb-4809c4980599',
    '906bd944-4589-4aae-a4e4-dd983917446a',
    'd4a236e7-e873-4c07-bf1d-bf6cf7f1c3c6',
    '15bb03af-77e7-4d4a-b12b-c0d084f7491c',
    'ee2b9983-21e8-4153-86d9-b6901a54d1ce',
    'c8bfbd1e-268e-4521-8bba-bf314c399557',
  ],
  s390x: [
    '5eead9a9-fe09-4a1e-a1d7-520d00531306',
    'b325bfbe-c7be-4ab8-8357-139e652d2f6b',
    'c80187a5-73a3-491a-901a-017c3fa953e9',
    '8a4f5770-50aa-4ed3-874a-99b710db6fea',
    '31741cc4-1a2a-4111-a581-e00b447d2d06',
    '3f324816-667b-46ae-86ee-9b0c0c6c11b4',
  ],
  loongarch64: [
    '77055800-792c-4f94-b39a-98c91b762bb6',
    'f3393b22-e9af-4613-a948-9d3bfbd0c535',
    '5afb67eb-ecc8-4f85-ae8e-ac1e7c50e7d0',
    'e611c702-575c-4cbe-9a46-434fa0bf7e3f',
    'f46b2c26-59ae-48f0-9106-c50ed47f673d',
    'b024f315-d330-444c-8461-44bbde524e99',
  ],
  'mips64-le': [
    '700bda43-7a34-4507-b179-eeb93d7a7ca3',
    '16b417f8-3e06-4f57-8dd2-9b5232f41aa6',
    '904e58ef-5c65-4a31-9c57-6af5fc7c5de7',
    'c97c1f32-ba06-40b4-9f22-236061b08aa8',
    '3c3d61fe-b5f3-414d-bb71-8739a694a4ef',
    'f2c2c7ee-adcc-4351-b5c6-ee9816b66e16',
  ],
} as const satisfies Record<string, readonly string[]>;
export type Architecture = keyof typeof architectureTypes;

const otherTypes: readonly (readonly [string, Designator])[] = [
  ['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', 'esp'],
  ['bc13c2ff-59e6-4262-a352-b275fd6f7172', 'xbootldr'],
  ['0657fd6d-a4ab-43c4-84e5-0933c84b4f4f', 'swap'],
  ['933ac7e1-2eb4-4f13-b844-0e14e2aef915', 'home'],
  ['3b8f8425-20e0-4f3b-907f-1a25a76f98e8', 'srv'],
  ['4d21b016-b534-45c2-a9fb-5c16e091fd2d', 'var'],
  ['7ec6f557-3bc5-4aca-b293-16ef5df639d1', 'tmp'],
];

/** A Linux partition that doesn't say what it is for: the root, where it is the only one. */
export const genericType = '0fc63daf-8483-4772-8e79-3d69d8477de4';

/** What a type GUID says. */
export interface Role {
  readonly designator: Designator;
  readonly architecture: Architecture | null;
}

const roles = new Map<string, Role>(otherTypes.map(([type, designator]) => [type, { designator, architecture: null }]));
for (const architecture of architectures())
  perArchitecture.forEach((designator, column) => {
    const type = architectureTypes[architecture][column];
    if (type !== undefined) roles.set(type, { designator, architecture });
  });

/** Every architecture that has type GUIDs here. */
export function architectures(): Architecture[] {
  return Object.keys(architectureTypes).filter(isArchitecture);
}

function isArchitecture(name: string): name is Architecture {
  return Object.hasOwn(architectureTypes, name);
}

/** The role of a type GUID, or undefined where it has none that is known here. */
export function roleOf(type: string): Role | undefined {
  return roles.get(type);
}

/** The type GUID for a role; undefined where there is none for that architecture. */
export function typeOf(designator: Designator, architecture: Architecture): string | undefined {
  for (const [type, role] of roles) if (role.designator === designator && (role.architecture ?? architecture) === architecture) return type;
  return undefined;
}

/** Node's name of a processor (`process.arch`) as the specification has it; null where no type GUID is known. */
export function architectureOf(nodeArchitecture: string): Architecture | null {
  const names: Readonly<Record<string, Architecture>> = {
    x64: 'x86-64',
    ia32: 'x86',
    arm64: 'arm64',
    arm: 'arm',
    riscv64: 'riscv64',
    ppc64: 'ppc64-le',
    s390x: 's390x',
    loong64: 'loongarch64',
    mips64el: 'mips64-le',
  };
  return names[nodeArchitecture] ?? null;
}
