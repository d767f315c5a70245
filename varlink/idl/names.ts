/** Which names the interface language allows. */

const segment = /^[A-Za-z0-9](?:-*[A-Za-z0-9])*$/;
const member = /^[A-Z][A-Za-z0-9]*$/;
const field = /^[A-Za-z](?:_?[A-Za-z0-9])*$/;

/** At least two dotted segments, the first of which begins with a letter. */
export function isInterfaceName(name: string): boolean {
  const segments = name.split('.');
  return segments.length >= 2 && /^[A-Za-z]/.test(name) && segments.every((part) => segment.test(part));
}

export function isMemberName(name: string): boolean {
  return member.test(name);
}

/** Also for the values of an enum. */
export function isFieldName(name: string): boolean {
  return field.test(name);
}

/** `io.systemd.NamespaceResource.AllocateUserRange` → interface and member; undefined where the text is no such name. */
export function splitQualifiedName(name: string): { readonly interfaceName: string; readonly member: string } | undefined {
  const dot = name.lastIndexOf('.');
  if (dot < 0) return undefined;
  const split = { interfaceName: name.slice(0, dot), member: name.slice(dot + 1) };
  return isInterfaceName(split.interfaceName) && isMemberName(split.member) ? split : undefined;
}
