/** Where a driver listens, and how a client verifies it. */
export interface DriverAddress {
  /** `sc://HOST:PORT` */
  url: string;
  /** PEM: the only CA that may have signed its certificate; null: it has no TLS. */
  ca: string | null;
}
