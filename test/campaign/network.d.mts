/** See network.mjs. */
export declare class Network {
  static make(order: { readonly tag: string; readonly hosts: number }): Promise<Network>;
  address(host: number): string;
  prefix(host: number): [string, ...string[]];
  crash(host: number): void;
  cut(host: number): Promise<void>;
  join(host: number): Promise<void>;
  remove(): void;
}
