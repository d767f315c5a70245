/** The addon's part for network interfaces: a socket to speak to the kernel about them, and taps. */

export interface NetworkDevices {
  /**
   * A socket to the kernel's rtnetlink, for the network namespace that we are in: `send` one request, `receive` what came of it.
   * Non-blocking; an answer waits by the time that `send` returns. Errors have the kernel's words (NETLINK_EXT_ACK, 4.12+).
   */
  routeSocket(): number;
  /**
   * TUNSETIFF on an open /dev/net/tun: makes the interface, and ties it to the descriptor. Flags: `tunFlags`. The interface ends with
   * the descriptor unless its holder makes it last. EBUSY: the name is taken. Needs CAP_NET_ADMIN.
   */
  tunSetInterface(tunFd: number, name: string, flags: number): void;
  /** TUNSETOWNER: who but root may tie further descriptors to it */
  tunSetOwner(tunFd: number, uid: number): void;
}
