"""Judges: would a reasonable person who reads the sentence and watches the episode say "yes, it did that"?

judge_NAME(traj) -> (bool, reason). Only the recorded trajectory of one episode is read (see the brief for its keys).
Facts measured on the gymnasium 1.x v5 models: the ant stands with its torso at 0.37 to 0.75 m and lies at 0.25 m; the
half-cheetah stands with its torso's middle at 0.57 m (running natively 0.5 to 0.7 m); HumanoidStandup's trunk points along -x
of its torso frame, Humanoid's along +z (so the trunk is taken from head and butt positions instead).
"""
import numpy as np

FLOOR = "floor"


# ---- helpers ------------------------------------------------------------------------------------------------------------------
def tail(t, seconds):
    """Slice of the last `seconds` of the episode (at most its second half)."""
    n = len(t["qpos"] if "qpos" in t else t["observation"])
    k = int(round(seconds / float(t["dt"])))
    return slice(n - max(1, min(k, n // 2)), n)


def duration(t):
    return len(t["action"]) * float(t["dt"])


def rot(q):
    """Rotation matrices (T,3,3) of quaternions w x y z."""
    q = np.asarray(q, float)
    q = q / np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-9)
    w, x, y, z = np.moveaxis(q, -1, 0)
    return np.stack([np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
                     np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
                     np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1)], -2)


def body(t, name):
    i = list(t["body_names"]).index(name)
    return np.asarray(t["xpos"])[:, i], rot(np.asarray(t["xquat"])[:, i])


def geom(t, name):
    return np.asarray(t["geom_xpos"])[:, list(t["geom_names"]).index(name)]


def touches(t, *names):
    """(T+1,) bool: does one of these geoms touch the floor?"""
    names = set(names)
    return np.array([any((a == FLOOR and b in names) or (b == FLOOR and a in names) for a, b in c) for c in t["contacts"]], bool)


def runs(mask):
    """(start, end) of each stretch of True."""
    m = np.concatenate([[0], np.asarray(mask, int), [0]])
    d = np.diff(m)
    return list(zip(np.flatnonzero(d == 1), np.flatnonzero(d == -1)))


def verdict(*checks):
    """The first failed check decides: (ok, text if it fails). The last argument is the text of success."""
    *checks, good = checks
    for ok, why in checks:
        if not bool(ok):
            return False, why
    return True, good


def broken(t):
    """Not a number anywhere, or shorter than half a second."""
    arrays = [np.asarray(t[k], float) for k in ("qpos", "observation") if k in t]
    return duration(t) < 0.5 or any(not np.isfinite(a).all() for a in arrays)


# ---- HumanoidStandup, Pusher, InvertedDoublePendulum ---------------------------------------------------------------------------
def judge_sit_up(t):
    if broken(t):
        return False, "the episode is broken or too short"
    w = tail(t, 3.0)
    trunk = geom(t, "head") - geom(t, "butt")
    up = trunk[:, 2] / np.maximum(np.linalg.norm(trunk, axis=1), 1e-9)
    chest = geom(t, "torso1") - geom(t, "uwaist")
    chest_up = chest[:, 2] / np.maximum(np.linalg.norm(chest, axis=1), 1e-9)
    butt = geom(t, "butt")[:, 2]
    # at rest on the floor the butt's middle is at 0.09 m; kneeling on the heels it is above 0.19 m
    return verdict(
        (np.mean(up[w] > 0.77) >= 0.9, f"the back is upright in only {np.mean(up[w] > 0.77):.0%} of the last seconds"),
        (np.mean(chest_up[w]) > 0.5, f"the chest hangs over (up {np.mean(chest_up[w]):.2f})"),
        (np.mean(butt[w] < 0.18) >= 0.9, f"the bottom is off the floor (height {np.median(butt[w]):.2f} m): stands, kneels or bounces"),
        (not (touches(t, "head")[w]).any(), "the head touches the floor"),
        "sits upright on its bottom to the end")


def judge_push_away(t):
    if broken(t):
        return False, "the episode is broken or too short"
    obj, goal = body(t, "object")[0], body(t, "goal")[0]
    d = np.linalg.norm((obj - goal)[:, :2], axis=1)
    w = tail(t, 0.4)
    move = np.linalg.norm(np.diff(obj[w][:, :2], axis=0), axis=1) / float(t["dt"])
    x, y = obj[-1, 0], obj[-1, 1]
    return verdict(
        (d[-1] - d[0] > 0.12, f"{d[-1] - d[0]:+.2f} m farther from the goal at the end: no clear push away"),
        (abs(x) <= 1.0 and -0.5 <= y <= 1.5, f"the cylinder is off the table (x {x:.2f}, y {y:.2f})"),
        (len(move) == 0 or np.mean(move) < 0.03, f"the cylinder still moves at {np.mean(move) if len(move) else 0:.2f} m/s"),
        f"pushed {d[-1] - d[0]:.2f} m farther from the goal and lies still")


def judge_carry_right(t):
    if broken(t):
        return False, "the episode is broken or too short"
    if t["terminated"]:
        return False, f"the poles fell after {duration(t):.1f} s"
    q = np.asarray(t["qpos"])
    w = tail(t, 4.0)
    x, a1, a2 = q[:, 0], q[:, 1], q[:, 1] + q[:, 2]
    return verdict(
        (duration(t) >= 2.0, f"only {duration(t):.1f} s long"),
        (np.mean((np.abs(a1) < 0.7) & (np.abs(a2) < 0.7)) > 0.98, "a pole leaned over by more than 40 degrees"),
        (np.mean((np.abs(a1[w]) < 0.25) & (np.abs(a2[w]) < 0.25)) > 0.9, "the poles are not upright in the end"),
        (0.3 <= np.mean(x[w]) <= 0.7, f"the cart is at x = {np.mean(x[w]):.2f} m at the end, not halfway to the right end (0.5)"),
        (np.mean(np.abs(x[w] - np.mean(x[w])) < 0.2) > 0.9, "the cart does not stay in its place"),
        f"upright all the time, stays at x = {np.mean(x[w]):.2f} m")


# ---- own environments ---------------------------------------------------------------------------------------------------------
def judge_two_tanks(t):
    if broken(t):
        return False, "the episode is broken or too short"
    o = np.asarray(t["observation"], float)
    n = len(o)
    w = slice(n - max(1, int(0.4 * n)), n)
    off = np.abs(o[:, 1] - o[:, 2])
    return verdict(
        (o[-1, 5] <= 0.02, f"{o[-1, 5]:.2f} m of water spilled"),
        (np.mean(off[w]) < 0.04, f"the lower tank is off its wanted level by {np.mean(off[w]):.3f} m on average in the last 40 %"),
        (np.mean(off[w] < 0.08) > 0.9, "the lower tank strays from its wanted level"),
        f"at the wanted level to {np.mean(off[w]):.3f} m, nothing spilled")


def judge_river_boat(t):
    if broken(t):
        return False, "the episode is broken or too short"
    o = np.asarray(t["observation"], float)
    d = np.hypot(o[:, 0], o[:, 1])
    w = tail(t, 10.0)
    return verdict(
        (not t["terminated"], "ran onto a bank or drifted off"),
        (np.mean(d[w] < 3.0) > 0.9, f"{np.median(d[w]):.1f} m from the landing stage in the last seconds"),
        (np.mean(np.hypot(o[w, 6], o[w, 7])) < 0.7, "does not hold its position: still moves fast"),
        f"holds {np.median(d[w]):.1f} m from the landing stage")


# ---- Ant ------------------------------------------------------------------------------------------------------------------------
ANT_FEET = ("left_ankle_geom", "right_ankle_geom", "third_ankle_geom", "fourth_ankle_geom")
ANT_LEGS = tuple((f, f"aux_{i}_geom", g) for i, (f, g) in enumerate(zip(
    ANT_FEET, ("left_leg_geom", "right_leg_geom", "back_leg_geom", "rightback_leg_geom")), 1))


def ant_clearance(t):
    """(T+1,4) height of the underside of each foot's tip; the shin is the unnamed body after aux_i, its capsule starts in the
    body's origin, so the tip lies as far beyond the capsule's middle as the origin lies before it."""
    tips = []
    for i, f in enumerate(ANT_FEET, 1):
        shin = np.asarray(t["xpos"])[:, list(t["body_names"]).index(f"aux_{i}") + 1]
        tips.append((2 * geom(t, f) - shin)[:, 2] - 0.08)
    return np.stack(tips, 1)


def judge_ant_turn(t):
    if broken(t):
        return False, "the episode is broken or too short"
    p, r = body(t, "torso")
    yaw = np.degrees(np.unwrap(np.arctan2(r[:, 1, 0], r[:, 0, 0])))
    turned = yaw - yaw[0]
    sign = 1.0 if turned[-1] >= 0 else -1.0
    w = tail(t, 2.0)
    v = np.asarray(t["qvel"])
    speed = np.linalg.norm(np.diff(p[w][:, :2], axis=0), axis=1).mean() / float(t["dt"]) if w.stop - w.start > 1 else 9.0
    drift = np.linalg.norm(p[w][:, :2] - p[w][0, :2], axis=1).max()
    swing = np.ptp(yaw[w])
    feet = np.stack([touches(t, f) for f in ANT_FEET], 1)[w].sum(1)
    return verdict(
        (not t["terminated"], "the episode ended early: jumped or fell"),
        (r[:, 2, 2].min() > 0.0, "it turned over"),
        (320 <= abs(turned[-1]) <= 400, f"it ends turned by {turned[-1]:.0f} degrees, not by one full circle"),
        ((sign * turned).max() < 420 and (sign * turned).min() > -100, "it turned to and fro or too far on the way"),
        (np.linalg.norm(p[:, :2] - p[0, :2], axis=1).max() < 3.0, "it walked far instead of turning around itself"),
        (swing < 25 and drift < 0.25 and speed < 0.2, f"does not stand still at the end (speed {speed:.2f} m/s, drift {drift:.2f} m, yaw {swing:.0f} deg)"),
        (np.sqrt(np.mean(v[w][:, 6:] ** 2)) < 2.0, "the legs keep thrashing at the end"),
        (r[w][:, 2, 2].min() > 0.7, "it is not level at the end"),
        (np.mean(feet >= 2) > 0.8 and not touches(t, "torso_geom")[w].any(), "it does not stand on its feet at the end"),
        f"turned by {turned[-1]:.0f} degrees and stands still")


def judge_ant_two_legs(t):
    if broken(t):
        return False, "the episode is broken or too short"
    w = tail(t, 3.0)
    p, r = body(t, "torso")
    leg = np.stack([touches(t, *g) for g in ANT_LEGS], 1)[w]
    foot = np.stack([touches(t, f) for f in ANT_FEET], 1)[w]
    share = leg.mean(0)
    order = np.argsort(share)
    lifted, stand = order[:2], order[2:]
    clear = ant_clearance(t)[w][:, lifted]
    speed = np.linalg.norm(p[w][-1, :2] - p[w][0, :2]) / max((w.stop - w.start - 1) * float(t["dt"]), 1e-9)
    return verdict(
        (not t["terminated"], "the episode ended early: it fell or jumped"),
        (duration(t) >= 2.0, f"only {duration(t):.1f} s long"),
        (touches(t, "torso_geom")[w].mean() < 0.02, "the body rests on the ground"),
        (share[lifted].max() <= 0.05, f"a lifted leg touches the ground in {share[lifted].max():.0%} of the last seconds"),
        (np.median(clear, 0).min() > 0.08, f"the lifted legs are hardly off the ground ({np.median(clear, 0).min():.2f} m)"),
        (foot[:, stand].mean(0).min() >= 0.6, "it does not stand on two feet (one leg or jumping)"),
        (r[w][:, 2, 2].min() > -0.3, "it is upside down"),
        (speed < 0.4, f"it travels at {speed:.2f} m/s instead of standing"),
        "stands on two legs to the end")


# ---- HalfCheetah ----------------------------------------------------------------------------------------------------------------
def cheetah(t):
    """Torso's middle, sine of the torso's pitch (nose up +), and the cosine (up side up +)."""
    p, r = body(t, "torso")
    return p, r[:, 2, 0], r[:, 2, 2]


def foot_bottom(t, name, half):
    """Height of the lowest point of a half-cheetah foot (capsule, radius 0.046 along the foot's slanted axis)."""
    p, r = body(t, name)
    g = geom(t, name)
    # the capsule's direction in the foot's frame, fixed by the model (axis of the geom at the zero pose)
    a = {"bfoot": np.array([-0.267, 0.0, 0.964]), "ffoot": np.array([-0.565, 0.0, 0.825])}[name]
    return g[:, 2] - np.abs(np.einsum("tij,j->ti", r, a)[:, 2]) * half - 0.046


def cheetah_feet(t):
    return foot_bottom(t, "bfoot", 0.094), foot_bottom(t, "ffoot", 0.07)


def judge_cheetah_low(t):
    if broken(t):
        return False, "the episode is broken or too short"
    p, nose, up = cheetah(t)
    n, dt = len(p), float(t["dt"])
    s = slice(min(int(1.0 / dt), n // 4), n)
    speed = (p[-1, 0] - p[s][0, 0]) / max((n - 1 - s.start) * dt, 1e-9)
    belly = touches(t, "torso", "head")[s].mean()
    z = geom(t, "torso")[s][:, 2]
    back, front = touches(t, "bfoot")[s], touches(t, "ffoot")[s]
    secs = (n - s.start) * dt
    steps = (len(runs(back)) / secs, len(runs(front)) / secs)
    legs = touches(t, "bshin", "fshin", "bthigh", "fthigh")[s].mean()
    return verdict(
        (np.mean(up[s] > 0.3) > 0.95, "it runs (or lies) on its back or tumbles"),
        (speed > 1.5, f"speed {speed:.2f} m/s: that is not running forward"),
        (belly < 0.05, f"torso or head touch the ground in {belly:.0%} of the time: it slides or drags"),
        (np.mean(z) < 0.45 and np.mean(z < 0.52) > 0.8, f"the torso is at {np.mean(z):.2f} m on average: not low (standing 0.57)"),
        (min(steps) > 0.7 and max(back.mean(), front.mean()) < 0.97, f"the feet do not step ({steps[0]:.1f} and {steps[1]:.1f} landings a second)"),
        (legs < 0.5, f"it goes on its shins in {legs:.0%} of the time, not on its feet"),
        f"runs at {speed:.1f} m/s with the torso at {np.mean(z):.2f} m")


def judge_cheetah_hop(t):
    if broken(t):
        return False, "the episode is broken or too short"
    p, nose, up = cheetah(t)
    dt, n = float(t["dt"]), len(p)
    back, front = touches(t, "bfoot"), touches(t, "ffoot")
    other = touches(t, "torso", "head", "bthigh", "fthigh", "bshin", "fshin")
    low = np.minimum(*cheetah_feet(t))
    # a shaking cheetah skips too: a hop stays up for 0.15 s and lifts the lower foot by 8 cm
    seen = [(a, b) for a, b in runs(~(back | front | other)) if a > 0 and b < n and b - a >= 2]  # take-off and landing seen
    inner = [(a, b) for a, b in seen if low[a:b].max() > 0.08 and (b - a) * dt >= 0.149]
    both = 0
    for (a, b), nxt in zip(inner, [f[0] for f in inner[1:]] + [n]):
        lands = [np.flatnonzero(f[b:nxt]) for f in (back, front)]
        both += all(len(k) for k in lands) and abs(int(lands[0][0]) - int(lands[1][0])) * dt <= 0.151
    rate = len(inner) / duration(t)
    late = [a for a, b in inner if a > 0.7 * n]
    return verdict(
        (np.mean(up > 0.4) > 0.97 and up[-1] > 0.3, "it tips over or flips"),
        (len(inner) >= 4 and rate > 0.4, f"{len(inner)} flights with both feet clearly up ({rate:.1f} a second): not hopping over and over"),
        (late, "it stops hopping before the end"),
        (len(inner) >= 0.6 * len(seen), f"only {len(inner)} of {len(seen)} flights are clear hops: it shakes or stumbles"),
        (both >= 0.5 * len(inner), f"it bounds or gallops from foot to foot (both feet land together in {both} of {len(inner)})"),
        (other.mean() < 0.15, f"other parts touch the ground in {other.mean():.0%} of the time"),
        f"{len(inner)} hops, {rate:.1f} a second")


def judge_cheetah_back_leg(t):
    if broken(t):
        return False, "the episode is broken or too short"
    p, nose, up = cheetah(t)
    w = tail(t, 3.0)
    trunk = touches(t, "torso", "head", "bthigh")[w].mean()
    front = touches(t, "ffoot", "fshin", "fthigh")[w].mean()
    foot, shin = touches(t, "bfoot")[w].mean(), touches(t, "bshin")[w].mean()
    ffoot = cheetah_feet(t)[1][w]
    speed = abs(p[w][-1, 0] - p[w][0, 0]) / max((w.stop - w.start - 1) * float(t["dt"]), 1e-9)
    return verdict(
        (trunk < 0.05, f"torso, head or thigh rest on the ground in {trunk:.0%} of the last seconds"),
        (front < 0.05, f"the front leg touches the ground in {front:.0%} of the last seconds"),
        (foot >= 0.7, f"the back foot is on the ground in only {foot:.0%} of the last seconds (shin {shin:.0%})"),
        (np.mean(nose[w] > 0.4) > 0.9, f"the torso points up too little (sine {np.median(nose[w]):.2f})"),
        (np.mean(up[w] > -0.5) > 0.95, "it lies or hangs over on its back"),
        (np.median(ffoot) > 0.2, f"the front foot is only {np.median(ffoot):.2f} m up"),
        (speed < 0.5, f"it travels at {speed:.2f} m/s instead of standing"),
        "stands on its back leg to the end")


# ---- Humanoid -------------------------------------------------------------------------------------------------------------------
def judge_humanoid_walk(t):
    if broken(t):
        return False, "the episode is broken or too short"
    if t["terminated"]:
        return False, f"fell after {duration(t):.1f} s"
    trunk = geom(t, "head") - geom(t, "butt")
    up = trunk[:, 2] / np.maximum(np.linalg.norm(trunk, axis=1), 1e-9)
    p, r = body(t, "torso")
    dt = float(t["dt"])
    ahead = r[:, :2, 0] / np.maximum(np.linalg.norm(r[:, :2, 0], axis=1, keepdims=True), 1e-9)
    vel = np.diff(p[:, :2], axis=0) / dt
    forward = float(np.mean(np.sum(vel * ahead[:-1], 1)))
    away = float(np.linalg.norm(p[-1, :2] - p[0, :2]))
    right, left = touches(t, "right_foot"), touches(t, "left_foot")
    rest = [g for g in t["geom_names"] if g not in (FLOOR, "right_foot", "left_foot")]
    other = touches(t, *rest).mean()
    gap = np.sum((geom(t, "right_foot") - geom(t, "left_foot"))[:, :2] * ahead, 1)
    # which foot leads, with 5 cm of hysteresis: every change is a step past the other foot
    lead, steps = 0, 0
    for g in gap:
        now = 1 if g > 0.05 else -1 if g < -0.05 else lead
        steps += lead != 0 and now != lead
        lead = now
    flight = np.mean(~(right | left))
    return verdict(
        (duration(t) >= 3.0, f"only {duration(t):.1f} s long"),
        (other < 0.02, "it supports itself with something else than its feet"),
        (np.mean(up > 0.85) > 0.9 and up.min() > 0.6, f"the upper body is upright in only {np.mean(up > 0.85):.0%} of the time"),
        (forward > 0.3 and away > 0.2 * duration(t), f"goes forward at {forward:.2f} m/s only ({away:.1f} m away at the end)"),
        (steps / duration(t) > 0.5 and steps >= 4, f"a foot passes the other {steps} times in {duration(t):.0f} s: shuffles, slides or hops"),
        (flight < 0.35, f"both feet are in the air in {flight:.0%} of the time: runs or jumps"),
        f"walks at {forward:.2f} m/s, {steps} steps")


# ---- Hopper ---------------------------------------------------------------------------------------------------------------------
def judge_hopper_on_spot(t):
    if broken(t):
        return False, "the episode is broken or too short"
    if t["terminated"]:
        return False, f"fell after {duration(t):.1f} s"
    p = body(t, "torso")[0]
    r = body(t, "foot")[1]
    low = geom(t, "foot_geom")[:, 2] - np.abs(r[:, 2, 0]) * 0.195 - 0.06
    dt, n = float(t["dt"]), len(p)
    air = ~touches(t, "foot_geom", "leg_geom", "thigh_geom", "torso_geom")
    hops = [(a, b) for a, b in runs(air) if low[a:b].max() > 0.04]
    inner = [(a, b) for a, b in hops if a > 0 and b < n]
    rate = len(inner) / duration(t)
    return verdict(
        (duration(t) >= 2.0, f"only {duration(t):.1f} s long"),
        (p[:, 2].min() > 0.6 and touches(t, "torso_geom", "thigh_geom").mean() == 0, "it fell to the ground"),
        (len(inner) >= 4 and rate > 0.5, f"{len(inner)} clear jumps ({rate:.1f} a second)"),
        (any(a > 0.75 * n for a, b in inner), "it stops jumping before the end"),
        (np.abs(p[:, 0] - p[0, 0]).max() < 0.7 and abs(p[-1, 0] - p[0, 0]) < 0.5,
         f"it travels up to {np.abs(p[:, 0] - p[0, 0]).max():.1f} m away from its start"),
        f"{len(inner)} jumps on the spot, {rate:.1f} a second")


JUDGES = {name[len("judge_"):]: f for name, f in list(globals().items()) if name.startswith("judge_")}
