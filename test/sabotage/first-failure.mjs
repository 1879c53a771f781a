import { writeFileSync } from "node:fs";

/** Reports to Jest's caller, in the file EVB_FIRST_FAILURE, and ends Jest with the first test that fails: one is enough. */
export default class FirstFailure {
  onTestCaseResult(_test, { status, fullName }) {
    if (status === "failed") end({ why: fullName });
  }

  /** A file that can't be run has no cases; what fails behind the last one is none. */
  onTestFileResult(_test, { failureMessage }) {
    if (failureMessage) end({ why: sentenceIn(failureMessage) });
  }

  onRunComplete(_contexts, { numPassedTests }) {
    end({ ran: numPassedTests });
  }
}

function end(verdict) {
  writeFileSync(process.env.EVB_FIRST_FAILURE, JSON.stringify(verdict));
  process.exit();
}

function sentenceIn(message) {
  const lines = message.split("\n").filter((line) => /\S/.test(line));
  return (lines[1] ?? lines[0] ?? "it can't be run").trim();
}
