"""
The library of the monitor: it decides, stores and talks; it starts nothing and reads no global.

Data's way, one folder or file a step:

    mention.py    what was said, as it enters and lies on the bus
    scoring/      Mention -> Score: fold, match rules, segment, sentiment, emotion   (pure)
    stories/      Score -> Story: same cascade, copies, the rest by subject         (pure)
    escalation/   Story -> Level: windows, policy, step()                           (pure)
    notifying/    Transition -> Receiver: whom, why, when again
    bus/ store/   the log between the steps, and what was decided from it
"""
