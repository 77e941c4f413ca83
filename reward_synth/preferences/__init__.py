"""A person's judgement of recorded episodes, and how well rewards agree with it. The viewer's workbench is made of it.

Usage::

    bench = Workbench.open(store, ahead=True)       # once; loads at most 100 episodes. At the end: bench.close()
    for group in bench.groups:                      # at most 8, the largest first
        group.typical, group.members, group.words   # id of the medoid, ids, how it differs from the others
    one, other = bench.behaviours.split(group)

    # The person's order: ranks of episode ids, best first. Groups that are as good as each other share a rank.
    judgement = Judgement(order=(best.members, middle.members, worst.members), pairs=())
    judgement = bench.judgement()                   # or what the run's answers say

    payment = bench.pay(source)                     # lints the text, and runs it in the locked process
    if not payment.ok:
        payment.findings                            # as of the lint: rule, line, message, fix
    payment.terms                                   # names of the terms
    payment.pay[i], payment.per_term[i]             # of the episode payment.ids[i], per step of a whole episode
    bench.group_pay(payment, group.members)         # each term's mean over a group

    agreed = bench.agreement(payment, judgement)    # Agreement(value, interval, pairs), or None
    bench.disagreements(payment, judgement)         # the episodes to look at first
    bench.fitness_agreement(judgement)              # does the frozen measure agree with the person?
    bench.success_agreement(judgement)

    bench.episode(id).path                          # the episode's file, for a film; .score is the task's
    # What the person did goes into Feedback(order=…, pairs=…, moments=…), by store.write_answer.

A :class:`Workbench` holds its episodes, so keep it for as long as the page is open. With ``ahead``, the locked process
of the next text is started before the text is there, which makes ``pay`` two to three times faster.
"""

from reward_synth.preferences.alignment import Judgement
from reward_synth.preferences.workbench import Disagreement, Workbench
from reward_synth.screening.groups import Group
from reward_synth.screening.payment import Payment

__all__ = ["Disagreement", "Group", "Judgement", "Payment", "Workbench"]
