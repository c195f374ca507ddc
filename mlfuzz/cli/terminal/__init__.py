"""What people see: lines, tables, panels, JSON; and nothing of the data taken for markup.

Read terminal.py first; panel.py and code_panel.py show running campaigns. Imported by the verbs and resolve.
"""
