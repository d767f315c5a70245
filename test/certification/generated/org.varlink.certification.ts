// Written by `node tools/generate.mjs` from test/certification/interfaces. Do not edit.

/** Every kind of type within another. */
export type Interface = {
  readonly foo?: readonly ({ readonly [key: string]: 'foo' | 'bar' | 'baz' } | null)[] | null;
  readonly anon: {
    readonly foo: boolean;
    readonly bar: boolean;
  };
};

/** Every kind of type. */
export type MyType = {
  readonly object: { readonly [key: string]: unknown };
  readonly enum: 'one' | 'two' | 'three';
  readonly struct: {
    readonly first: number;
    readonly second: string;
  };
  readonly array: readonly string[];
  readonly dictionary: { readonly [key: string]: string };
  readonly stringset: { readonly [key: string]: Readonly<Record<string, never>> };
  readonly nullable?: string | null;
  readonly nullable_array_struct?: readonly {
    readonly first: number;
    readonly second: string;
  }[] | null;
  readonly interface: Interface;
};

/** Begins. */
export type StartParameters = Readonly<Record<string, never>>;

export type StartReply = {
  readonly client_id: string;
};

export type Test01Parameters = {
  readonly client_id: string;
};

export type Test01Reply = {
  readonly bool: boolean;
};

export type Test02Parameters = {
  readonly client_id: string;
  readonly bool: boolean;
};

export type Test02Reply = {
  readonly int: number;
};

export type Test03Parameters = {
  readonly client_id: string;
  readonly int: number;
};

export type Test03Reply = {
  readonly float: number;
};

export type Test04Parameters = {
  readonly client_id: string;
  readonly float: number;
};

export type Test04Reply = {
  readonly string: string;
};

export type Test05Parameters = {
  readonly client_id: string;
  readonly string: string;
};

export type Test05Reply = {
  readonly bool: boolean;
  readonly int: number;
  readonly float: number;
  readonly string: string;
};

export type Test06Parameters = {
  readonly client_id: string;
  readonly bool: boolean;
  readonly int: number;
  readonly float: number;
  readonly string: string;
};

export type Test06Reply = {
  readonly struct: {
    readonly bool: boolean;
    readonly int: number;
    readonly float: number;
    readonly string: string;
  };
};

export type Test07Parameters = {
  readonly client_id: string;
  readonly struct: {
    readonly bool: boolean;
    readonly int: number;
    readonly float: number;
    readonly string: string;
  };
};

export type Test07Reply = {
  readonly map: { readonly [key: string]: string };
};

export type Test08Parameters = {
  readonly client_id: string;
  readonly map: { readonly [key: string]: string };
};

export type Test08Reply = {
  readonly set: { readonly [key: string]: Readonly<Record<string, never>> };
};

export type Test09Parameters = {
  readonly client_id: string;
  readonly set: { readonly [key: string]: Readonly<Record<string, never>> };
};

export type Test09Reply = {
  readonly mytype: MyType;
};

/** Replies ten times, so it is called with `more`. */
export type Test10Parameters = {
  readonly client_id: string;
  readonly mytype: MyType;
};

export type Test10Reply = {
  readonly string: string;
};

/** Takes all that Test10 replied, and replies nothing: it is called with `oneway`. */
export type Test11Parameters = {
  readonly client_id: string;
  readonly last_more_replies: readonly string[];
};

export type Test11Reply = Readonly<Record<string, never>>;

/** Ends. */
export type EndParameters = {
  readonly client_id: string;
};

export type EndReply = {
  readonly all_ok: boolean;
};

/** No client of that name has begun, or it failed since. */
export type ClientIdErrorError = Readonly<Record<string, never>>;

/** The call is not the one that was due. */
export type CertificationErrorError = {
  readonly wants: { readonly [key: string]: unknown };
  readonly got: { readonly [key: string]: unknown };
};

export const description = `# The course over which implementations of Varlink are tried against each other: what a method returned is what the next one takes. A
# server tells each client by its \`client_id\`, and looks at every call to the letter.
interface org.varlink.certification

# Every kind of type within another.
type Interface(
	foo: ?[]?[string](
		foo,
		bar,
		baz
	),
	anon: (
		foo: bool,
		bar: bool
	)
)

# Every kind of type.
type MyType(
	object: object,
	enum: (
		one,
		two,
		three
	),
	struct: (
		first: int,
		second: string
	),
	array: []string,
	dictionary: [string]string,
	stringset: [string](),
	nullable: ?string,
	nullable_array_struct: ?[](
		first: int,
		second: string
	),
	interface: Interface
)

# Begins.
method Start() -> (
	client_id: string
)

method Test01(
	client_id: string
) -> (
	bool: bool
)

method Test02(
	client_id: string,
	bool: bool
) -> (
	int: int
)

method Test03(
	client_id: string,
	int: int
) -> (
	float: float
)

method Test04(
	client_id: string,
	float: float
) -> (
	string: string
)

method Test05(
	client_id: string,
	string: string
) -> (
	bool: bool,
	int: int,
	float: float,
	string: string
)

method Test06(
	client_id: string,
	bool: bool,
	int: int,
	float: float,
	string: string
) -> (
	struct: (
		bool: bool,
		int: int,
		float: float,
		string: string
	)
)

method Test07(
	client_id: string,
	struct: (
		bool: bool,
		int: int,
		float: float,
		string: string
	)
) -> (
	map: [string]string
)

method Test08(
	client_id: string,
	map: [string]string
) -> (
	set: [string]()
)

method Test09(
	client_id: string,
	set: [string]()
) -> (
	mytype: MyType
)

# Replies ten times, so it is called with \`more\`.
method Test10(
	client_id: string,
	mytype: MyType
) -> (
	string: string
)

# Takes all that Test10 replied, and replies nothing: it is called with \`oneway\`.
method Test11(
	client_id: string,
	last_more_replies: []string
) -> ()

# Ends.
method End(
	client_id: string
) -> (
	all_ok: bool
)

# No client of that name has begun, or it failed since.
error ClientIdError()

# The call is not the one that was due.
error CertificationError(
	wants: object,
	got: object
)
`;
