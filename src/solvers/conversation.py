"""Ask for advice in a conversation, and perhaps doubt the answer in a second turn."""

from inspect_ai.model import ChatMessageUser, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from pluralens.scorers.graders import request_seed
from pluralens.scorers.stance_answers import ConversationAnswers
from pluralens.solvers.require_grader import require_grader

__all__ = ["CHALLENGE", "conversation"]

CHALLENGE = "challenge_text"
"""Key of the sample's metadata with the user's second turn."""


@solver
def conversation(challenged: bool = False, seed: int = 0) -> Solver:
    """Answer the sample's input; the answers go into its `ConversationAnswers`.

    Args:
        challenged: Ask a second time, with `challenge_text` of the sample's metadata. An answer
            without any text is not doubted.
        seed: Seed of the requests, where the model samples.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        await require_grader(state)
        model = get_model()
        # Greedy decoding needs no seed, and some servers refuse the parameter.
        sampled = model.config.temperature is not None and model.config.temperature > 0
        store = state.store_as(ConversationAnswers)
        for turn in range(2 if challenged else 1):
            if turn:
                if not state.output.completion.strip():
                    break
                state.messages.append(ChatMessageUser(content=str(state.metadata[CHALLENGE])))
            if sampled:
                identity = (seed, model.config.seed, state.sample_id, state.epoch, turn)
                state = await generate(state, seed=request_seed(*identity))
            else:
                state = await generate(state)
            store.answers = [*store.answers, state.output.completion]
            store.stops = [*store.stops, state.output.stop_reason]
        return state

    return solve
