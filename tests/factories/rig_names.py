"""How well-known tools name the joints of a person, and skeletons with these names."""

from latentman.motion.recorded.rigs import JOINT_NAMES

LIMBS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
SPINE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")


def named(spine, limbs, left="Left", right="Right", prefix=""):
    """Return a tool's name for each of HumanML3D's joints; ``-`` is a joint that the tool lacks, ``*`` the side."""
    names = dict(zip(SPINE, spine.split(), strict=True))
    for joint, pattern in zip(LIMBS, limbs.split(), strict=True):
        names[f"left_{joint}"], names[f"right_{joint}"] = pattern.replace("*", left), pattern.replace("*", right)
    return {joint: prefix + names[joint].replace("~", " ") for joint in JOINT_NAMES if names[joint] != "-"}


SCHEMES = {
    "rokoko": named("Hips Spine1 Spine2 Spine4 Neck Head", "*Thigh *Shin *Foot *Toe *Shoulder *Arm *ForeArm *Hand"),
    "xsens": named("Hips Chest Chest2 Chest4 Neck Head", "*Hip *Knee *Ankle *Toe *Collar *Shoulder *Elbow *Wrist"),
    "xsens_segments": named(
        "Pelvis L5 T12 T8 Neck Head", "*UpperLeg *LowerLeg *Foot *Toe *Shoulder *UpperArm *ForeArm *Hand"
    ),
    "optitrack": named("Hip Ab - Chest Neck Head", "*Thigh *Shin *Foot *Toe *Shoulder *UArm *FArm *Hand", "L", "R"),
    "biped": named(
        "Pelvis Spine Spine1 Spine2 Neck Head",
        "*~Thigh *~Calf *~Foot *~Toe0 *~Clavicle *~UpperArm *~Forearm *~Hand",
        "L",
        "R",
        "Bip01 ",
    ),
    "unreal4": named(
        "pelvis spine_01 spine_02 spine_03 neck_01 head",
        "thigh_* calf_* foot_* ball_* clavicle_* upperarm_* lowerarm_* hand_*",
        "l",
        "r",
    ),
    "unreal5": named(
        "pelvis spine_01 spine_03 spine_05 neck_01 head",
        "thigh_* calf_* foot_* ball_* clavicle_* upperarm_* lowerarm_* hand_*",
        "l",
        "r",
    ),
    "unity": named(
        "Hips Spine Chest UpperChest Neck Head",
        "*UpperLeg *LowerLeg *Foot *Toes *Shoulder *UpperArm *LowerArm *Hand",
    ),
    "vrm": named(
        "C_Hips C_Spine C_Chest C_UpperChest C_Neck C_Head",
        "*_UpperLeg *_LowerLeg *_Foot *_ToeBase *_Shoulder *_UpperArm *_LowerArm *_Hand",
        "L",
        "R",
        "J_Bip_",
    ),
    "mocopi": named(
        "root torso_2 torso_4 torso_6 neck_1 head",
        "*_up_leg *_low_leg *_foot *_toes *_shoulder *_up_arm *_low_arm *_hand",
        "l",
        "r",
    ),
    "kinect2": named("SpineBase - SpineMid - Neck Head", "Hip* Knee* Ankle* Foot* - Shoulder* Elbow* Wrist*"),
    "azure_kinect": named(
        "PELVIS SPINE_NAVEL - SPINE_CHEST NECK HEAD",
        "HIP_* KNEE_* ANKLE_* FOOT_* CLAVICLE_* SHOULDER_* ELBOW_* WRIST_*",
        "LEFT",
        "RIGHT",
    ),
    "rigify": named(
        "spine spine.001 spine.002 spine.003 spine.004 spine.006",
        "thigh.* shin.* foot.* toe.* shoulder.* upper_arm.* forearm.* hand.*",
        "L",
        "R",
        "DEF-",
    ),
    "makehuman": named(
        "root spine04 spine02 spine01 neck01 head",
        "upperleg01.* lowerleg01.* foot.* toe1-1.* clavicle.* upperarm01.* lowerarm01.* wrist.*",
        "L",
        "R",
    ),
    "slimevr": named(
        "HIP WAIST CHEST UPPER_CHEST NECK HEAD",
        "*_UPPER_LEG *_LOWER_LEG *_FOOT - *_SHOULDER *_UPPER_ARM *_LOWER_ARM *_HAND",
        "LEFT",
        "RIGHT",
    ),
    "cmu_asf": named(
        "root upperback - thorax upperneck head",
        "*femur *tibia *foot *toes *clavicle *humerus *radius *wrist",
        "l",
        "r",
    ),
    "mocapnet": named("hip abdomen - chest neck head", "*Thigh *Shin *Foot - *Collar *Shldr *ForeArm *Hand", "l", "r"),
    "openni": named("root - torso - neck head", "*_hip *_knee *_foot - - *_shoulder *_elbow *_hand", "left", "right"),
    "mixamo": named(
        "Hips Spine Spine1 Spine2 Neck Head",
        "*UpLeg *Leg *Foot *ToeBase *Shoulder *Arm *ForeArm *Hand",
        prefix="mixamorig:",
    ),
    "biovision": named("Hips Chest Chest2 Chest3 Neck Head", "*Hip *Knee *Ankle *Toe *Collar *Shoulder *Elbow *Wrist"),
    "smpl": named(
        "Pelvis Spine1 Spine2 Spine3 Neck Head",
        "*_Hip *_Knee *_Ankle *_Foot *_Collar *_Shoulder *_Elbow *_Wrist",
        "L",
        "R",
    ),
    "smpl_foot_hand": named(
        "Pelvis Spine1 Spine2 Spine3 Neck Head",
        "*_Hip *_Knee *_Foot *_Toe *_Collar *_Shoulder *_Elbow *_Hand",
        "L",
        "R",
    ),
}
"""The names of a person's joints in the files of 20 tools, two of them in two versions."""


def _spelling(change):
    return lambda names: {joint: change(name) for joint, name in names.items()}


SPELLINGS = {
    "a namespace": _spelling(lambda name: f"Anna:{name}"),
    "a path of namespaces": _spelling(lambda name: f"scene|Anna:{name}"),
    "Character1_": _spelling(lambda name: f"Character1_{name}"),
    "Armature_": _spelling(lambda name: f"Armature_{name}"),
    "a suffix": _spelling(lambda name: f"{name}_1"),
    "a suffix of its own": lambda names: {
        joint: f"{name}_{number:02d}" for number, (joint, name) in enumerate(names.items())
    },
    "lower case": _spelling(str.lower),
    "upper case": _spelling(str.upper),
    "spaces": _spelling(lambda name: name.replace("_", " ").replace(".", " ")),
    "dots": _spelling(lambda name: name.replace("_", ".").replace(" ", ".")),
    "underscores": _spelling(lambda name: name.replace(".", "_").replace(" ", "_")),
}
"""How exporters change names."""
