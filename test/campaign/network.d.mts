/** See network.mjs. */
export declare class Network {
  static make(order: {
    readonly tag: string;
    readonly hosts: number;
    readonly linked?: boolean;
  }): Promise<Network>;
  address(host: number): string;
  prefix(host: number): [string, ...string[]];
  crash(host: number): void;
  space(host: number): string;
  cut(host: number): Promise<void>;
  join(host: number): Promise<void>;
  remove(): void;
}
