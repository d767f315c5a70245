/** What an interface of ours carries as its alias: which namespace it belongs to, for whoever is to remove it, and for people. Pure. */

/** @param namespace the kernel's name for the user namespace, which nothing else ever has */
export function labelOf(namespace: string): string {
  return `postern:${namespace}`;
}
