// What `evb/analysis` is for a user's module.
export * from "@evb/analysis";
