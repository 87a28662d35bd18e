/**
 * Scenarios that JavaScript makes impossible, each with the reason. At most
 * five, so that this list cannot become a place to put differences.
 */
export const IMPOSSIBLE: Readonly<Record<string, string>> = {
  "context.value_set_by_an_awaited_coroutine":
    "an async function has an async context of its own: a store it enters is not seen by its caller",
  "context.two_tasks_in_one_context":
    "an AsyncLocalStorage context is immutable: there is nothing that two tasks could both write to",
  "eager.done_future_does_not_end_the_first_step":
    "`await` always returns to the caller first, even if what it awaits is done",
  "eager.future_settled_in_the_step_that_made_the_task":
    "`await` reaches a thenable in a microtask, so code that goes on in the same step can settle the future before it",
  "tasks.result_that_is_a_future":
    "an async function that returns a thenable has the result of that thenable",
};
