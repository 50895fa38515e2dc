/** Where a driver listens, and what proves that it is the right one. */
export interface DriverAddress {
  /** `sc://HOST:PORT` */
  url: string;
  /** PEM: the only authority that its certificate may come from; null: it is reached without TLS. */
  ca: string | null;
}
