import { describe, expect, test } from "@jest/globals";
import { addressFor, ownAddress, ownAddresses, reachableAddress } from "@evb/runner";

const own = [
  { interface: "ib0", address: "10.1.0.7" },
  { interface: "eth0", address: "192.0.2.7" },
];
/** As /proc/net/route has it; addresses are little-endian hexadecimal. */
const HEAD =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT      \n";
const NET = "ib0\t0000010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0      \n";
const way = (name: string, metric: number): string =>
  `${name}\t00000000\t010200C0\t0003\t0\t0\t${String(metric)}\t00000000\t0\t0\t0      \n`;
const ways = HEAD + NET + way("eth0", 100);

describe("the address by which other hosts reach this one", () => {
  test.each([
    ["is that of its own name", ["10.1.0.7"], ways, "10.1.0.7"],
    ["is the first of its name's that it has", ["127.0.1.1", "192.0.2.7"], ways, "192.0.2.7"],
    ["has the default route where the name is in no table", [], ways, "192.0.2.7"],
    ["has it where the name leads to loopback", ["127.0.1.1"], ways, "192.0.2.7"],
    ["has it where the name is another host's", ["192.0.2.8"], ways, "192.0.2.7"],
    ["has the default route of least metric", [], ways + way("ib0", 50), "10.1.0.7"],
    ["is the first where no route leads out", [], HEAD + NET, "10.1.0.7"],
    ["is the first where routes aren't told", [], "", "10.1.0.7"],
  ])("%s", (_, named, routes, address) => {
    expect(reachableAddress({ named, own, routes })).toBe(address);
  });

  test("isn't known of a host that has loopback only", () => {
    const alone = { named: ["127.0.0.1"], own: [], routes: HEAD };
    expect(reachableAddress(alone)).toBeUndefined();
  });

  test("is one of this host's, whatever name it is asked to be reached by", async () => {
    const here = [...ownAddresses().map(({ address }) => address), "127.0.0.1"];
    expect(here).toContain(await ownAddress());
    expect(await addressFor("name.invalid")).toBe(await ownAddress());
    expect(await addressFor("localhost")).toBe("127.0.0.1");
    for (const address of here.slice(0, -1)) expect(await addressFor(address)).toBe(address);
  });
});
