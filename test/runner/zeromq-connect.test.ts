import { expect, test } from "@jest/globals";
import { connectSocket } from "@evb/runner";

const error = (code: string): Error => Object.assign(new Error(code), { code });

test("a socket whose connecting a signal interrupts is connected all the same", () => {
  const asked: string[] = [];
  const socket = {
    connect: (endpoint: string) => {
      asked.push(endpoint);
      if (asked.length < 3) throw error("EINTR");
    },
  };
  connectSocket(socket, "tcp://127.0.0.1:1");
  expect(asked).toEqual(Array(3).fill("tcp://127.0.0.1:1"));
});

test("another reason why a socket can't be connected is said", () => {
  const socket = {
    connect: () => {
      throw error("EINVAL");
    },
  };
  expect(() => {
    connectSocket(socket, "nonsense");
  }).toThrow("EINVAL");
});
