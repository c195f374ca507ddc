"""What an input is made of: pictures, sounds, texts, and the codecs that make files of them.

Read base.py first: what a modality owes the rest. None knows another. Imported by everything that decodes an input.
"""
