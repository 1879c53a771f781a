// What `evb/event` is for a user's module.
export * from "@evb/event";
