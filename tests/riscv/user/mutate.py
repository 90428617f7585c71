#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the checks: mutate.py [PATTERN]

Changes one piece of meaning at a time in a copy of the tree (at least one per extension), builds the RISC-V user-level tests
there and wants one of them to fail. PATTERN picks the mutations whose description holds it. Takes some minutes.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[3]
USER = "frontends/riscv/user/"
TESTS = ["lift", "decode", "diff"]

# (description, file, what is there, what it becomes)
MUTATIONS = [
    ("I: sltiu signed", "lift_i.c", "IMM(sltiu, sltu_i)", "IMM(sltiu, slt_i)"),
    ("I: sraw logical", "lift_i.c", "REG(sraw, sarw)", "REG(sraw, shrw)"),
    ("I: lwu signed", "lift_i.c", "READ(lwu, ld_u32)", "READ(lwu, ld_s32)"),
    ("I: sh stores a word", "lift_i.c", "WRITE(sh, st_16)", "WRITE(sh, st_32)"),
    ("I: jalr links before it reads its target", "lift_i.c", "i->rd && i->rd == i->rs1", "false"),
    ("I: auipc from the block's start", "lift_i.c", "SLOT_PAGE, lift_pc(l) + i->imm);\n}", "SLOT_PAGE, (int32_t)l->start + i->imm);\n}"),
    ("I: branch immediate loses bit 11", "insn32.decode", "31:s1 7:1 25:6 8:4 <<1", "31:s1 31:1 25:6 8:4 <<1"),
    ("I: fence r,w full", "lift_i.c", "pred & 5 && succ & 10", "pred && succ"),
    ("I: ecall from S-mode as from U-mode", "lift_system.c", "EXC_ECALL_U, EXC_ECALL_S", "EXC_ECALL_U, EXC_ECALL_U"),
    ("I: slliw takes a sixth bit", "insn32.decode", "slliw\t\t0000000", "slliw\t\t000000."),
    ("M: mulhsu both signed", "lift_i.c", "REG(mulhsu, mulhsu)", "REG(mulhsu, mulh)"),
    ("M: remuw signed", "lift_i.c", "REG(remuw, remuw)", "REG(remuw, remw)"),
    ("M: legal when off", "insn32.decode", "000 ..... 0110011\t@r\tM", "000 ..... 0110011\t@r"),
    ("A: amominu signed", "lift_a.c", "BOTH(amominu, fetch_minu)", "BOTH(amominu, fetch_min)"),
    ("A: amoor ands", "lift_a.c", "BOTH(amoor, fetch_or)", "BOTH(amoor, fetch_and)"),
    ("A: sc always fails", "lift_a.c", "BOTH(lr, lr)", "LIFT(lr_w) { uop_ld_s32(l->b, X(i->rd), X(i->rs1), 0); }\nATOMIC(lr_d, lr_d)"),
    ("F: fnmsub negates the addend", "lift_fd.c", "FUSED(fnmsub_s, fmadd_s, MADD_S, 1)", "FUSED(fnmsub_s, fmadd_s, MADD_S, 2)"),
    ("F: static rounding ignored", "lift_fd.c", "uop_fp_round(l->b, (int32_t)rm)", "uop_fp_round(l->b, 0)"),
    ("F: RMM as RNE", "lift_fd.c", "if (rm == RM_RMM) {", "if (rm == RM_RMM && 0) {"),
    ("F: flw not boxed", "lift_fd.c", "READ(flw, ld_box32)", "READ(flw, ld_u32)"),
    ("F: runs with FS off", "lift.c", "(k->fp && !(l->mode & MODE_FS_ON))", "(k->fp && 0)"),
    ("F: FS stays clean", "lift_fd.c", "TO_F(fmv_w_x, box32)", "LIFT(fmv_w_x) { uop_box32(l->b, F(i->rd), X(i->rs1)); uop_fence(l->b, 0); }"),
    ("F: reserved static rounding modes legal", "decode.c", "i.rm == 5 || i.rm == 6", "i.rm == 5"),
    ("D: float to integer towards zero always", "lift_fd.c", "if (i->rm == RM_RTZ) {", "if (1) {"),
    ("D: fle as flt", "lift_fd.c", "COMPARE(fle_d)", "LIFT(fle_d) { uop_flt_d(l->b, X(i->rd), F(i->rs1), F(i->rs2)); lift_fs_dirty(l); }"),
    ("D: fmul by a soft add in RMM", "lift_fd.c", "ARITH(fmul_d, MUL_D)", "ARITH(fmul_d, ADD_D)"),
    ("Zfhmin: fmv.x.h zero-extends", "lift_fd.c", "TO_X(fmv_x_h, sext16)", "TO_X(fmv_x_h, zext16)"),
    ("Zfhmin: fcvt.h.d by way of single", "lift_fd.c", "NARROW(fcvt_h_d, CVT_H_D)",
     "LIFT(fcvt_h_d) { uop_fcvt_s_d(l->b, TEMP(0), F(i->rs1)); uop_fcvt_h_s(l->b, F(i->rd), TEMP(0)); lift_fs_dirty(l); }"),
    ("C: c.lwsp offset", "insn16.decode", "%lwsp\t2:2 12:1 4:3 <<2", "%lwsp\t2:1 12:1 3:4 <<2"),
    ("C: c.addi16sp offset", "insn16.decode", "12:s1 3:2 5:1 2:1 6:1 <<4", "12:s1 3:2 2:1 5:1 6:1 <<4"),
    ("C: c.jr with rs1 = 0 legal", "insn16.decode", "reserved\t100 0 00000 00000 10\t\t@none\n", ""),
    ("C: c.j offset", "insn16.decode", "12:s1 8:1 9:2 6:1 7:1 2:1 11:1 3:3 <<1", "12:s1 8:1 9:2 7:1 6:1 2:1 11:1 3:3 <<1"),
    ("C: c.subw as c.sub", "insn16.decode", "= subw", "= sub"),
    ("C: the link is 4 on", "lift.h", "lift_pc(l) + i->size", "lift_pc(l) + 4"),
    ("C: jumps unchecked when off", "lift_i.c", "!(l->ext >> EXT_C & 1) && target & 2", "false"),
    ("Zba: sh2add.uw as sh2add", "lift_zb.c", "REG(sh2add_uw)", "LIFT(sh2add_uw) { uop_sh2add(l->b, X(i->rd), X(i->rs1), X(i->rs2)); }"),
    ("Zbb: rolw as rol", "lift_zb.c", "REG(rolw)", "LIFT(rolw) { uop_rol(l->b, X(i->rd), X(i->rs1), X(i->rs2)); }"),
    ("Zbb: zext.h sign-extends", "lift_zb.c", "ONE(zext_h, zext16)", "ONE(zext_h, sext16)"),
    ("Zbc: clmulr as clmulh", "lift_zb.c", "REG(clmulr)", "LIFT(clmulr) { uop_clmulh(l->b, X(i->rd), X(i->rs1), X(i->rs2)); }"),
    ("Zbs: bexti as bseti", "lift_zb.c", "IMM(bexti, bext_i)", "IMM(bexti, bset_i)"),
    ("Zicond: eqz and nez swapped", "lift_zb.c", "REG(czero_eqz)\nREG(czero_nez)",
     "LIFT(czero_eqz) { uop_czero_nez(l->b, X(i->rd), X(i->rs1), X(i->rs2)); }\nREG(czero_nez)"),
    ("Zicsr: the immediate is a register", "lift_system.c", "csr(l, i, TEMP(0))", "csr(l, i, X(i->rs1))"),
    ("Zicsr: not first in its block", "lift.c", "stands_first(&i) && n", "stands_first(&i) && 0"),
    ("Zifencei: goes on in the block", "lift_system.c", "LIFT(fence_i)\n{\n\tleave(l, i);", "LIFT(fence_i)\n{\n\tuop_fence(l->b, 1);"),
    ("Zicboz: does nothing", "lift_system.c", "LIFT(cbo_zero) { call(", "LIFT(cbo_zero) { if (0) call("),
    ("Svinval: legal when off", "insn32.decode", "@r\tSVINVAL", "@r"),
    ("page: a crossing instruction does not stand alone", "lift.c", "if (crosses && n) {", "if (0) {"),
]


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **more)


def build(tree):
    return run(["ninja", "-C", tree / "b"] + [f"tests/riscv/user/test_riscv_{name}" for name in TESTS])


def first_failure(tree):
    """The test that fails, or None."""
    env = dict(os.environ, CALQUE_CASES="40000", CALQUE_PEER=str(TOP / "tools/peer"))
    for name in TESTS:
        if run([tree / "b/tests/riscv/user" / f"test_riscv_{name}"], env=env, timeout=600).returncode:
            return name
    return None


def mutate(tree, what, name, old, new):
    """Whether the mutation is caught."""
    path = tree / USER / name
    text = path.read_text(encoding="utf-8")
    if old not in text:
        print(f"not ok {what}: {name} does not hold {old!r}")
        return False
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    built = build(tree)
    caught = "the compiler" if built.returncode else first_failure(tree)
    path.write_text(text, encoding="utf-8")
    if built.returncode:
        print(f"not ok {what}: does not build\n{built.stdout[-1500:]}")
        return False
    print(f"{'ok' if caught else 'not ok'} {what}: {'caught by ' + caught if caught else 'not caught'}", flush=True)
    return bool(caught)


def main():
    chosen = [m for m in MUTATIONS if len(sys.argv) < 2 or sys.argv[1] in m[0]]
    with tempfile.TemporaryDirectory(prefix="calque-mutate-") as scratch:
        tree = pathlib.Path(scratch) / "tree"
        shutil.copytree(TOP, tree, ignore=shutil.ignore_patterns(".git", "build", "build-*", "__pycache__"), symlinks=True)
        set_up = run(["meson", "setup", tree / "b", tree])
        built = set_up if set_up.returncode else build(tree)
        if built.returncode or first_failure(tree):
            sys.exit("mutate: the tree itself does not pass\n" + built.stdout[-3000:])
        caught = sum(mutate(tree, *m) for m in chosen)
    print(f"mutate: {caught} passed, {len(chosen) - caught} failed, 0 skipped")
    return caught != len(chosen)


sys.exit(main())
