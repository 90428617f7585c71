// SPDX-License-Identifier: Apache-2.0
/*
 * The program's entry. Everything else is compiled for x86-64-v3; this file is not, so that a host without it gets a
 * line instead of an illegal instruction.
 */
#include <stdio.h>

int calque_main(int argc, char **argv);

int main(int argc, char **argv)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("x86-64-v3")) {
		fputs("calque: this host's processor lacks x86-64-v3 (AVX2, BMI2, FMA, F16C): a newer one is needed\n",
			stderr);
		return 3;
	}
#endif
	return calque_main(argc, argv);
}
